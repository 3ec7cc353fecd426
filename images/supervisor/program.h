/*
 * The child that becomes the stage's program: its pipes, its privileges, its exec.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "command.h"
#include "identity.h"

struct program {
	pid_t pid;
	int in, out, err; /* our ends of its stdin, stdout and stderr; err is -1 if merged */
	int exec_error;   /* from the child: a kind of fault and its text if exec failed, or nothing */
	int order;        /* where order.h's listener arrives; -1 if merged */

	/* The child's ends of the same; closed here once it is started. */
	struct {
		int in, out, err, exec_error, order;
	} child;
};

/* Open the pipes of a program; if `merge`, its stderr goes into its stdout. */
void program_open(struct program *program, bool merge);

/* Start it. */
void program_start(struct program *program, const struct identity *identity,
		   const struct command *command);

/* After its end: fault if the command could not be executed. */
void program_check_exec(struct program *program);

#endif
