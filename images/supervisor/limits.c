#include "limits.h"

#include "clock.h"
#include "memory.h"
#include "sockets.h"
#include "usage.h"

static int64_t wall_end;  /* ns */
static int64_t cpu_limit; /* ns; none if 0 */
static int64_t cpu_check; /* ns; when to check CPU time next */

void
limits_start(const struct command *command, int64_t started)
{
	wall_end = started + command->wall_limit;
	cpu_limit = command->cpu_limit;
	cpu_check = started;
	memory_start(started);
	sockets_start(started);
}

int64_t
limits_due(void)
{
	int64_t due = cpu_limit > 0 && cpu_check < wall_end ? cpu_check : wall_end;

	if (memory_due() < due)
		due = memory_due();
	return sockets_due() < due ? sockets_due() : due;
}

enum limit
limits_check(void)
{
	int64_t now = clock_now();

	memory_check(now);
	if (now >= wall_end)
		return memory_thrashes(now) ? LIMIT_MEMORY : LIMIT_WALL;
	if (sockets_check(now))
		return LIMIT_MEMORY;
	if (cpu_limit == 0 || now < cpu_check)
		return LIMIT_NONE;
	int64_t left = cpu_limit - usage_cpu_ns();
	if (left <= 0)
		return memory_thrashes(now) ? LIMIT_MEMORY : LIMIT_CPU;
	/* It can't be used up sooner than by all processors at once. */
	int64_t soonest = left / usage_processors();
	cpu_check = now + (soonest > MILLISECOND ? soonest : MILLISECOND);
	return LIMIT_NONE;
}
