/*
 * What a stage shall run, and its limits, as the owner's STAGE frame says it.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARGUMENTS_MAX = 8192, VARIABLES_MAX = 1024 };

struct command {
	char *arguments[ARGUMENTS_MAX + 1]; /* these point into the payload, and end with NULL */
	char *variables[VARIABLES_MAX + 1];
	int64_t wall_limit, cpu_limit; /* ns; no CPU limit if 0 */
	size_t stdout_cap, stderr_cap;
	bool merge;
};

/*
 * Read the payload, a row of fields, each a key byte, a value and a NUL:
 *
 *   a  one argument of the command (repeated)      w  wall time limit, milliseconds
 *   e  one NAME=value of its environment (rep.)    c  CPU time limit, milliseconds; 0 for none
 *   m  1: stderr goes into stdout                  o  cap of stdout, bytes
 *                                                  r  cap of stderr, bytes
 *
 * Faults on anything else.
 */
void command_parse(struct command *command, char *payload, size_t size);

#endif
