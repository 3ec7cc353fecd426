/*
 * The owner in the supervisor's world: takes its frames, and knows what they should be.
 */
#ifndef OWNER_H
#define OWNER_H

#include <stdbool.h>
#include <stddef.h>

/* Abort, with a word, unless the supervisor keeps what it promises. */
void require(bool condition, const char *promise);

/* A case begins. */
void owner_meets(void);

/* A stage was understood, with these caps; and it ended by itself, or was killed, with this status. */
void owner_allows(size_t stdout_cap, size_t stderr_cap);
void owner_learns(int status);

/* Bytes came from the supervisor. */
void owner_hears(const char *bytes, size_t size);

/*
 * The supervisor has exited. `heard`: the owner took all that there was; `done`: and it left only
 * when nothing more was to come.
 */
void owner_parts(int status, bool heard, bool done);

#endif
