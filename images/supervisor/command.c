#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

/* Decades: so far below the type's end that no sum of nanoseconds overflows. */
static const int64_t MAX_MILLISECONDS = INT64_C(1) << 40;

static int64_t
number(const char *text, int64_t maximum)
{
	char *end;

	errno = 0;
	int64_t value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0 || value > maximum)
		fault(FAULT_BOX, "stage: not a number up to %lld: %.40s", (long long)maximum, text);
	return value;
}

static int64_t
nanoseconds(const char *text)
{
	return number(text, MAX_MILLISECONDS) * 1000000;
}

static unsigned short
characters(const char *text)
{
	int64_t value = number(text, UINT16_MAX);

	if (value == 0)
		fault(FAULT_BOX, "stage: a terminal without a size");
	return (unsigned short)value;
}

static struct terminal_size
terminal_size(char *text)
{
	char *cross = strchr(text, 'x');

	if (cross == NULL)
		fault(FAULT_BOX, "stage: not a terminal's size: %.40s", text);
	*cross = '\0';
	struct terminal_size size = {.rows = characters(text), .columns = characters(cross + 1)};
	*cross = 'x'; /* the loop over the fields goes by their length */
	return size;
}

static void
append(char **list, size_t *count, size_t maximum, char *value)
{
	if (*count == maximum)
		fault(FAULT_BOX, "stage: more than %zu arguments or variables", maximum);
	list[(*count)++] = value;
	list[*count] = NULL;
}

void
command_parse(struct command *command, char *payload, size_t size)
{
	size_t argument_count = 0, variable_count = 0;

	/* Field by field: most of the lists is never touched, and then costs no memory. */
	command->arguments[0] = command->variables[0] = NULL;
	command->wall_limit = command->cpu_limit = 0;
	command->stdout_cap = command->stderr_cap = 0;
	command->stack_limit = 0;
	command->merge = command->interactive = false;
	command->terminal = (struct terminal_size){0};
	if (size == 0 || payload[size - 1] != '\0')
		fault(FAULT_BOX, "stage: the last field does not end");
	for (char *field = payload; field < payload + size; field += strlen(field) + 1) {
		char *value = field + 1;
		switch (*field) {
		case FIELD_ARGUMENT:
			append(command->arguments, &argument_count, MAX_ARGUMENTS, value);
			break;
		case FIELD_VARIABLE:
			append(command->variables, &variable_count, MAX_VARIABLES, value);
			break;
		case FIELD_MERGE:
			command->merge = number(value, 1) != 0;
			break;
		case FIELD_INTERACTIVE:
			command->interactive = number(value, 1) != 0;
			break;
		case FIELD_WALL_LIMIT:
			command->wall_limit = nanoseconds(value);
			break;
		case FIELD_CPU_LIMIT:
			command->cpu_limit = nanoseconds(value);
			break;
		case FIELD_STDOUT_CAP:
			command->stdout_cap = (size_t)number(value, INT64_MAX);
			break;
		case FIELD_STDERR_CAP:
			command->stderr_cap = (size_t)number(value, INT64_MAX);
			break;
		case FIELD_STACK_LIMIT:
			command->stack_limit = number(value, INT64_MAX);
			break;
		case FIELD_TERMINAL:
			command->terminal = terminal_size(value);
			break;
		default:
			fault(FAULT_BOX, "stage: unknown field %d", *field);
		}
	}
	if (argument_count == 0 || command->wall_limit == 0)
		fault(FAULT_BOX, "stage: a command and a wall time limit are needed");
}
