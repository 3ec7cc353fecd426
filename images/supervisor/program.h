/*
 * The child that becomes the stage's program: its pipes or terminal, its privileges, its exec.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "command.h"
#include "identity.h"

struct program {
	pid_t pid;
	int in, out, err; /* our ends of its stdin, stdout and stderr; err is -1 if they are one */
	bool packets;     /* one read of out or err gives what one write gave, up to a page of it */
	int terminal;     /* its end of its terminal, see terminal.h; -1 if it has pipes */
	int64_t processes; /* that its user may have when it forks; 0 leaves the container's limit */
	int exec_error;   /* from the child: a kind of fault and its text if exec failed, or nothing */

	/* The child's ends of the same; closed here once it is started. */
	struct {
		int in, out, err, exec_error;
	} child;
};

/* Open the pipes or the terminal of a program that will execute this command. */
void program_open(struct program *program, const struct command *command);

/* Start it. */
void program_start(struct program *program, const struct identity *identity,
		   const struct command *command);

/* Close its terminal, after all of its output is read. */
void program_close(struct program *program);

/* After its end: fault if the command could not be executed. */
void program_check_exec(struct program *program);

#endif
