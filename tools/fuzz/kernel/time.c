/* Clocks. */
#include <sys/types.h>
#include <time.h>

#include "kernel.h"

int
fake_clock_gettime(clockid_t clock, struct timespec *time)
{
	int64_t now = clock == CLOCK_MONOTONIC ? kernel.clock
					       : kernel.clock - kernel.program.started;

	time->tv_sec = now / 1000000000;
	time->tv_nsec = now % 1000000000;
	return 0;
}

int
fake_clock_getcpuclockid(pid_t pid, clockid_t *clock)
{
	require(pid == PROGRAM_PID, "the clock is the program's");
	*clock = CLOCK_PROCESS_CPUTIME_ID;
	return 0;
}
