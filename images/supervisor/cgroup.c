#include "cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define V1_CPU "/sys/fs/cgroup/cpuacct/"
#define V1_MEMORY "/sys/fs/cgroup/memory/"
#define V2 "/sys/fs/cgroup/"

/* v1 shows no limit as a number larger than this. */
static const int64_t NO_LIMIT = INT64_C(1) << 60;

static int cpu_fd = -1, peak_fd = -1, oom_fd = -1;
static bool version_2;
static bool present;

/* Return the number after `key` in a file of "key value" lines; if key is "", its only number. */
static int64_t
read_number(int fd, const char *key)
{
	char text[4096];

	ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	char *found = strstr(text, key);
	return found == NULL ? 0 : strtoll(found + strlen(key), NULL, 10);
}

static int64_t
read_limit(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t limit = read_number(fd, "");

	if (fd >= 0)
		close(fd);
	return limit;
}

void
cgroup_open(void)
{
	version_2 = access(V2 "cgroup.controllers", F_OK) == 0;
	/* v2 writes "max" for no limit, which reads as 0. */
	int64_t limit = read_limit(version_2 ? V2 "memory.max" : V1_MEMORY "memory.limit_in_bytes");
	present = limit > 0 && limit < NO_LIMIT;
	if (!present)
		return;
	cpu_fd = open(version_2 ? V2 "cpu.stat" : V1_CPU "cpuacct.usage", O_RDONLY | O_CLOEXEC);
	/* memory.peak came with Linux 5.19. */
	peak_fd = open(version_2 ? V2 "memory.peak" : V1_MEMORY "memory.max_usage_in_bytes",
		       O_RDONLY | O_CLOEXEC);
	oom_fd = open(version_2 ? V2 "memory.events" : V1_MEMORY "memory.oom_control",
		      O_RDONLY | O_CLOEXEC);
}

bool
cgroup_present(void)
{
	return present;
}

int64_t
cgroup_cpu_ns(void)
{
	return version_2 ? read_number(cpu_fd, "usage_usec ") * 1000 : read_number(cpu_fd, "");
}

int64_t
cgroup_memory_peak(void)
{
	return read_number(peak_fd, "");
}

int64_t
cgroup_oom_kills(void)
{
	return read_number(oom_fd, "oom_kill ");
}
