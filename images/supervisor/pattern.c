#include "pattern.h"

#include <string.h>

#include "frames.h"

struct pattern {
	const char *segments[MAX_SEGMENTS];
	size_t count;
};

static struct pattern patterns[MAX_PATTERNS];
static size_t pattern_count;

static void
split(struct pattern *pattern, char *text)
{
	pattern->count = 0;
	for (char *segment; (segment = strsep(&text, "/")) != NULL;) {
		if (pattern->count == MAX_SEGMENTS)
			fault(FAULT_BOX, "a pattern of more than %d segments", MAX_SEGMENTS);
		pattern->segments[pattern->count++] = segment;
	}
}

void
patterns_parse(char *text, size_t size)
{
	pattern_count = 0;
	if (size == 0 || text[size - 1] != '\0')
		fault(FAULT_BOX, "the last pattern does not end");
	for (char *end = text + size; text < end;) {
		char *following = text + strlen(text) + 1;
		if (pattern_count == MAX_PATTERNS)
			fault(FAULT_BOX, "more than %d patterns", MAX_PATTERNS);
		split(&patterns[pattern_count++], text);
		text = following;
	}
}

/* Take one character of UTF-8. A byte that is none counts as one that is in no pattern but its own. */
static uint32_t
take(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;
	size_t length = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc0 ? 2 : 1;
	uint32_t character = length == 1 ? *at : *at & (0x7fU >> length);

	for (size_t more = 1; more < length; more++) {
		if ((at[more] & 0xc0) != 0x80) { /* a NUL, at the latest */
			*text += 1;
			return 0x110000U + *at;
		}
		character = character << 6 | (at[more] & 0x3fU);
	}
	*text += length;
	return character;
}

/* The set behind a `[`, up to its `]`, which may be its first character. Without one, the `[` is a
 * character like others. */
static bool
set_matches(const char **pattern, uint32_t character)
{
	const char *at = *pattern;
	bool negated = *at == '!' || *at == '^', found = false;

	at += negated;
	for (const char *first = at; *at != '\0' && (*at != ']' || at == first);) {
		uint32_t low = take(&at), high = low;
		if (at[0] == '-' && at[1] != ']' && at[1] != '\0') {
			at++;
			high = take(&at);
		}
		found = found || (low <= character && character <= high);
	}
	if (*at == '\0')
		return character == '[';
	*pattern = at + 1;
	return found != negated;
}

/* Whether the pattern goes on with this character, and then it is taken from it. */
static bool
goes_on(const char **pattern, uint32_t character)
{
	if (**pattern == '\0')
		return false;
	uint32_t wanted = take(pattern);
	return wanted == '?' || (wanted == '[' ? set_matches(pattern, character) : wanted == character);
}

/* Of several stars only the last need be tried again with a longer part: an earlier one has already
 * left the most of the name to those behind it. */
static bool
name_matches(const char *pattern, const char *name)
{
	const char *after_star = NULL, *retry = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			after_star = ++pattern;
			retry = name;
			continue;
		}
		if (goes_on(&pattern, take(&name)))
			continue;
		if (after_star == NULL)
			return false;
		take(&retry);
		pattern = after_star;
		name = retry;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
is_any_folders(const char *segment)
{
	return strcmp(segment, "**") == 0;
}

static uint64_t
bit(size_t segment)
{
	return UINT64_C(1) << segment;
}

/* Any folders are also none: then what follows may come next. But in the last place `**` is for the
 * files, too, and takes one name at least. */
static uint64_t
with_none(const struct pattern *pattern, uint64_t next)
{
	for (size_t at = 0; at + 1 < pattern->count; at++)
		if ((next & bit(at)) != 0 && is_any_folders(pattern->segments[at]))
			next |= bit(at + 1);
	return next;
}

/* What may come next after this name. The bit after that of the last segment is the end. */
static uint64_t
after(const struct pattern *pattern, uint64_t next, const char *name)
{
	uint64_t behind = 0;

	for (size_t at = 0; at < pattern->count; at++) {
		if ((next & bit(at)) == 0)
			continue;
		if (!is_any_folders(pattern->segments[at]))
			behind |= name_matches(pattern->segments[at], name) ? bit(at + 1) : 0;
		else
			behind |= bit(at) | (at + 1 == pattern->count ? bit(at + 1) : 0);
	}
	return with_none(pattern, behind);
}

void
patterns_begin(struct position *position)
{
	for (size_t at = 0; at < pattern_count; at++)
		position->next[at] = with_none(&patterns[at], bit(0));
}

bool
patterns_match(const struct position *position, const char *name)
{
	for (size_t at = 0; at < pattern_count; at++)
		if ((after(&patterns[at], position->next[at], name) & bit(patterns[at].count)) != 0)
			return true;
	return false;
}

bool
patterns_enter(const struct position *position, const char *name, struct position *inside)
{
	bool possible = false;

	for (size_t at = 0; at < pattern_count; at++) {
		inside->next[at] = after(&patterns[at], position->next[at], name) &
				   ~bit(patterns[at].count);
		possible = possible || inside->next[at] != 0;
	}
	return possible;
}
