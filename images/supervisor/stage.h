/*
 * A stage: one command, run as the run's user under limits, from its start to its verdict.
 *
 * Its states: idle; running, until its main process ends or a limit is crossed; draining, until the
 * rest of its output is queued and the verdict after it; idle again.
 */
#ifndef STAGE_H
#define STAGE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "identity.h"

/* The descriptors of the loop's ppoll(). */
enum {
	POLLED_CONTROLLER_IN,
	POLLED_CONTROLLER_OUT,
	POLLED_CHILD,
	POLLED_COLLECTION,
	POLLED_PROGRAM_IN,
	POLLED_PROGRAM_OUT,
	POLLED_PROGRAM_ERR,
	POLLED_PROGRAM_ORDER,
	POLLED_COUNT,
};

/* Other processes live in the box: from now on a stage ends its own. A program can fork while its user
 * has fewer processes than these; 0 leaves the container's limit. */
void stage_share_box(int64_t processes);

/* Start the command in a STAGE frame's payload, see command.h. The payload is not used after. */
void stage_start(const struct identity *identity, char *payload, size_t size);

/* True from the start until the verdict is queued. */
bool stage_active(void);

/* True from the start until its processes are dead: as long as stage_timeout() gives a time. */
bool stage_running(void);

/* Kill the running stage without a verdict. */
void stage_abandon(void);

/* Send a signal to the main process's group, as a terminal would. */
void stage_signal(int number);

/* The payload of a RESIZE frame, for the stage's terminal; without effect if it has none. */
void stage_resize(const char *payload, size_t size);

/* Fill in the descriptors to wait for; and the time to wait. False if there is no limit to check. */
void stage_poll(struct pollfd polled[POLLED_COUNT]);
bool stage_timeout(struct timespec *timeout);

/* The loop's steps, in its order: transfer I/O, reap children, check limits, finish the stage. */
void stage_transfer(const struct pollfd polled[POLLED_COUNT]);
void stage_reap(void);
void stage_check_limits(void);
void stage_finish(void);

#endif
