/*
 * The command of a stage and its limits, decoded from the controller's STAGE frame.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "terminal.h"

enum {
	MAX_ARGUMENTS = 8192,
	MAX_VARIABLES = 1024,
};

/* The payload is a sequence of fields: a key byte, a value, a NUL. Numbers are decimal. */
enum command_field {
	FIELD_ARGUMENT = 'a',   /* one argument of the command (repeated) */
	FIELD_VARIABLE = 'e',   /* one NAME=value of its environment (repeated) */
	FIELD_WALL_LIMIT = 'w', /* milliseconds */
	FIELD_CPU_LIMIT = 'c',  /* milliseconds; 0 for none */
	FIELD_STDOUT_CAP = 'o', /* bytes */
	FIELD_STDERR_CAP = 'r', /* bytes */
	FIELD_STACK_LIMIT = 's', /* bytes; 0 leaves the container's */
	FIELD_MERGE = 'm',      /* 1: stderr goes into stdout */
	FIELD_INTERACTIVE = 'i', /* 1: a session, one of many that may last for hours */
	FIELD_TERMINAL = 't',   /* ROWSxCOLUMNS: a terminal of that size in place of pipes */
};

struct command {
	char *arguments[MAX_ARGUMENTS + 1]; /* into the payload; ends with NULL */
	char *variables[MAX_VARIABLES + 1]; /* the same */
	int64_t wall_limit, cpu_limit; /* ns; no CPU limit if 0 */
	size_t stdout_cap, stderr_cap;
	int64_t stack_limit; /* bytes; the container's if 0 */
	bool merge, interactive;
	struct terminal_size terminal;
};

/* Decode the payload. Faults on an unknown field, on a value out of range, and unless there are an
 * argument and a wall time limit. */
void command_parse(struct command *command, char *payload, size_t size);

#endif
