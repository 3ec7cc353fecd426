#include "usage.h"

#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "memory.h"
#include "sockets.h"

static pid_t main_process; /* 0 once it is reaped */
static int64_t cpu_base, oom_base;

static int64_t
rusage_ns(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * (int64_t)SECOND +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* CPU time of all stages. The supervisor shares their cgroup: its own part is subtracted. Without a
 * cgroup: that of the reaped processes and, while it lives, of the main process. */
static int64_t
cpu_total(void)
{
	if (cgroup_present())
		return cgroup_cpu_ns() - rusage_ns(RUSAGE_SELF);

	int64_t total = rusage_ns(RUSAGE_CHILDREN);
	clockid_t clock;
	struct timespec time;
	if (main_process > 0 && clock_getcpuclockid(main_process, &clock) == 0 &&
	    clock_gettime(clock, &time) == 0)
		total += (int64_t)time.tv_sec * SECOND + time.tv_nsec;
	return total;
}

void
usage_start(void)
{
	main_process = 0;
	cpu_base = cpu_total();
	oom_base = cgroup_oom_kills();
}

void
usage_main_process(pid_t pid)
{
	main_process = pid;
}

void
usage_reaped(pid_t pid, const struct rusage *usage)
{
	memory_reaped(usage);
	if (pid == main_process)
		main_process = 0;
}

int64_t
usage_cpu_ns(void)
{
	return cpu_total() - cpu_base;
}

int64_t
usage_memory(void)
{
	int64_t peak = memory_peak();

	/* A stage that ran out of memory has had all of it, for a moment that no sample need have seen;
	 * a process that has mapped much of the image, which another box was charged for, even more. */
	if (usage_oom_killed() && cgroup_memory_limit() > 0)
		peak = cgroup_memory_limit();
	return sockets_peak() > peak ? sockets_peak() : peak;
}

int64_t
usage_processors(void)
{
	static int64_t count;

	if (count == 0)
		count = sysconf(_SC_NPROCESSORS_ONLN);
	return count;
}

bool
usage_oom_killed(void)
{
	return cgroup_oom_kills() > oom_base;
}
