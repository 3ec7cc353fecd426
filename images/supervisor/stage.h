/*
 * A stage: one command, run as the run's user under limits, from its start to its verdict.
 */
#ifndef STAGE_H
#define STAGE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "files.h"

enum {
	POLLED_OWNER_IN,
	POLLED_OWNER_OUT,
	POLLED_CHILD,
	POLLED_PROGRAM_IN,
	POLLED_PROGRAM_OUT,
	POLLED_PROGRAM_ERR,
	POLLED_PROGRAM_ORDER,
	POLLED_COUNT,
};

/* Start what the payload says, see command.h. It need only live until the return. */
void stage_start(const struct identity *identity, char *payload, size_t size);

/* True from the start until the verdict is queued. */
bool stage_active(void);

/* True from the start until its processes are dead: as long as stage_timeout() tells of a time. */
bool stage_running(void);

/* Send a signal to the main process's group, as a terminal would. */
void stage_signal(int number);

/* Say what to wait for; false if there is no limit to watch. */
void stage_poll(struct pollfd polled[POLLED_COUNT]);
bool stage_timeout(struct timespec *timeout);

/* The loop's steps, in its order: move bytes, bury the dead, look at the limits, end the stage. */
void stage_transfer(const struct pollfd polled[POLLED_COUNT]);
void stage_reap(void);
void stage_check_limits(void);
void stage_settle(void);

#endif
