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

/*
 * Start a stage. The payload is a row of fields, each a key byte, a value and a NUL:
 *
 *   a  one argument of the command (repeated)      w  wall time limit, milliseconds
 *   e  one NAME=value of its environment (rep.)    c  CPU time limit, milliseconds; 0 for none
 *   m  1: stderr goes into stdout                  o  cap of stdout, bytes
 *                                                  r  cap of stderr, bytes
 *
 * The program's strings are used where they lie: the payload need only live until the return.
 */
void stage_start(const struct identity *identity, char *payload, size_t size);

/* True from the start until the verdict is queued. */
bool stage_active(void);

/* Stdin for the running stage. Without one, or once the program has closed it: thrown away. */
void stage_stdin(const char *data, size_t size);
void stage_stdin_end(void);

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
