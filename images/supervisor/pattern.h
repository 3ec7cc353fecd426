/*
 * Patterns of paths: `*`, `?` and `[...]` in a name, `**` for any folders, as docs/protocol.md says.
 *
 * A path is compared name by name, on the way down into its folders. A pattern is a row of segments,
 * and a position says for each pattern which of them may come next. So a folder that can't hold a
 * match is never entered, and a name costs at most its length times that of the patterns.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MAX_PATTERNS = 64,
	MAX_SEGMENTS = 32, /* of a pattern, separated by slashes */
};

/* For each pattern a bit for each segment that may come next. */
struct position {
	uint64_t next[MAX_PATTERNS];
};

/* Split patterns, each of which ends with a NUL. They stay where they are. Faults on too many. */
void patterns_parse(char *text, size_t size);

/* The position in the work directory. */
void patterns_begin(struct position *position);

/* Whether a pattern ends with this name in a folder at that position. */
bool patterns_match(const struct position *position, const char *name);

/* Get the position in the folder of this name; false if nothing in it can match. */
bool patterns_enter(const struct position *position, const char *name, struct position *inside);

#endif
