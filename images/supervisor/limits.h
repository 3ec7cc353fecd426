/*
 * Limits of a stage, and the checks of wall time, CPU time and sockets. streams.h checks the output
 * caps, the kernel the memory of the cgroup.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdint.h>

#include "command.h"

/* The limit that a stage has crossed. */
enum limit { LIMIT_NONE, LIMIT_WALL, LIMIT_CPU, LIMIT_MEMORY, LIMIT_STDOUT, LIMIT_STDERR };

/* A stage with this command began at `started`, ns. */
void limits_start(const struct command *command, int64_t started);

/* When the next check is due, see clock.h. */
int64_t limits_due(void);

/* Return the limit that is crossed by now. */
enum limit limits_check(void);

#endif
