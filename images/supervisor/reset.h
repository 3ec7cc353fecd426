/*
 * The reset: makes the box as new between two jobs of the same client, and proves it.
 *
 * The end of a stage has killed all processes. The cleaner removes what else the job can have left.
 * Then the proof looks, not at what the cleaner did but at what the kernel shows:
 *
 *   - no process but the supervisor;
 *   - file systems with all their blocks and inodes free, and their directories as when new, as well
 *     as the times of what is in /dev;
 *   - no System V object, no socket, and no counter of the network that has moved;
 *   - memory in use as when new, but for a remainder that is less than anything worth keeping.
 *
 * The kernel frees some of it a moment after the last process, so the proof may be tried several
 * times. If it fails to the last, the box ends: a reset that can't be proven is none.
 *
 * Numbers that only count up, such as process ids, stay; docs/isolation.md lists them.
 */
#ifndef RESET_H
#define RESET_H

#include <stdbool.h>
#include <time.h>

#include "identity.h"

/* Note how the new box is, before its first job. */
void reset_open(const struct identity *identity);

/* Remove what the last job has left. reset_prove() follows. */
void reset_start(const struct identity *identity);

/* True from the start of a reset until it is proven. */
bool reset_active(void);

/* The time to wait until the next attempt. False if there is none. */
bool reset_timeout(struct timespec *timeout);

/* If an attempt is due: queue CLEAN if the box is as new. Fault after the last one. */
void reset_prove(void);

#endif
