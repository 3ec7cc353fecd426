/* The decoding of a stage, with checks of its result. */
#include <stdlib.h>
#include <string.h>

#include "../../images/supervisor/command.h"
#include "kernel.h"

static char *copied;

void
stage_payload_free(void)
{
	free(copied);
	copied = NULL;
}

static size_t
length(char *const *list, size_t maximum)
{
	size_t count = 0;

	while (list[count] != NULL)
		require(strlen(list[count++]) < maximum, "a string ends");
	return count;
}

/* Its own memory for the payload, of exactly its size, and freed before the next turn: the sanitizer
 * sees what reads beyond its end, or later. */
void
fake_command_parse(struct command *command, char *payload, size_t size)
{
	copied = malloc(size + (size == 0));
	memcpy(copied, payload, size);
	command_parse(command, copied, size);
	require(command->wall_limit > 0 && command->wall_limit <= INT64_MAX / 4,
		"a wall time can be added to");
	require(command->cpu_limit >= 0 && command->cpu_limit <= INT64_MAX / 4,
		"a CPU time can be added to");
	require(command->arguments[0] != NULL, "there is a command");
	require(length(command->arguments, size) <= MAX_ARGUMENTS, "the arguments have room");
	require(length(command->variables, size) <= MAX_VARIABLES, "the variables have room");
	require((command->terminal.rows > 0) == (command->terminal.columns > 0), "a terminal has a size");
	controller_stage_started(command->stdout_cap, command->stderr_cap);
}
