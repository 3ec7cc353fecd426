#include "verdict.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "frames.h"

static const char *const LIMIT_WORDS[] = {
	[LIMIT_NONE] = "none",
	[LIMIT_WALL] = "wall",
	[LIMIT_CPU] = "cpu",
	[LIMIT_MEMORY] = "memory",
	[LIMIT_STDOUT] = "stdout",
	[LIMIT_STDERR] = "stderr",
};

/* The signal that ended the main process. A program over a limit is killed, even if it has ended by
 * itself before the kill came. */
static int
end_signal(const struct verdict *verdict)
{
	if (verdict->limit != LIMIT_NONE)
		return SIGKILL;
	return WIFSIGNALED(verdict->status) ? WTERMSIG(verdict->status) : 0;
}

void
verdict_queue(const struct verdict *verdict)
{
	char text[256];

	int length = snprintf(
		text, sizeof text,
		"code=%d\nsignal=%d\nlimit=%s\noom=%d\nwall_us=%" PRId64 "\ncpu_us=%" PRId64
		"\nmemory=%" PRId64 "\n",
		WIFEXITED(verdict->status) ? WEXITSTATUS(verdict->status) : -1, end_signal(verdict),
		LIMIT_WORDS[verdict->limit], verdict->oom_killed, verdict->wall_ns / 1000,
		verdict->cpu_ns / 1000, verdict->memory);
	frames_queue(FRAME_VERDICT, text, (size_t)length);
}
