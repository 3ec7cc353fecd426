/*
 * The collector child: it sends what the case says. Its own code does not run here, but for the
 * patterns, which are compared with the rest of the case.
 */
#include <string.h>

#include "../../images/supervisor/pattern.h"
#include "kernel.h"

/* In memory of its own, so that the sanitizer sees what reads beyond its end. */
static void
compare(const uint8_t *bytes, size_t size)
{
	char path[64], *rest = path;
	struct position position, inside;

	if (size > sizeof path - 1)
		size = sizeof path - 1;
	memcpy(path, bytes, size);
	path[size] = '\0';
	patterns_begin(&position);
	for (char *name; (name = strsep(&rest, "/")) != NULL; position = inside) {
		patterns_match(&position, name);
		if (!patterns_enter(&position, name, &inside))
			return;
	}
}

pid_t
collector_start(void)
{
	kernel.collector.alive = true;
	kernel.collector.out = kernel.last_pipe;
	kernel.collector.out->writers++;
	compare(kernel.events, kernel.events_left);
	controller_collection_started();
	return COLLECTOR_PID;
}

void
collector_end(int status)
{
	if (!kernel.collector.alive)
		return;
	kernel.collector.alive = false;
	kernel.collector.zombie = true;
	kernel.collector.status = status;
	kernel.collector.out->writers--;
	kernel.child_signal = true;
}
