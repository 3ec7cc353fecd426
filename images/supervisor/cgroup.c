#include "cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define V1_CPU "/sys/fs/cgroup/cpuacct/"
#define V1_MEMORY "/sys/fs/cgroup/memory/"
#define V1_PIDS "/sys/fs/cgroup/pids/"
#define V2 "/sys/fs/cgroup/"

/* v1 shows no limit as a number larger than this. */
static const int64_t NO_LIMIT = INT64_C(1) << 60;

static int cpu_fd = -1, user_fd = -1, limit_fd = -1, usage_fd = -1, peak_fd = -1, oom_fd = -1;
static int stat_fd = -1, kernel_fd = -1;
static bool version_2;
static bool present;
static bool charges_sockets;

static const char *
read_text(int fd)
{
	static char text[8192];

	ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
	text[got < 0 ? 0 : got] = '\0';
	return text;
}

/* Return the number after `key` in a text of "key value" lines; if key is "", its only number. */
static int64_t
number_after(const char *text, const char *key)
{
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, strlen(key)) == 0)
			return strtoll(line + strlen(key), NULL, 10);
	}
	return 0;
}

static int64_t
read_number(int fd, const char *key)
{
	return number_after(read_text(fd), key);
}

static int
open_file(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* v2 writes "max" for no limit, which reads as 0. */
static bool
is_limit(int64_t number)
{
	return number > 0 && number < NO_LIMIT;
}

/* v1 has a separate counter for sockets, and uses it once it has a limit. runc sets none since 1.0. */
static bool
is_limited_v1_sockets(void)
{
	int fd = open_file(V1_MEMORY "memory.kmem.tcp.limit_in_bytes");
	int64_t limit = read_number(fd, "");

	if (fd >= 0)
		close(fd);
	return is_limit(limit);
}

void
cgroup_open(void)
{
	version_2 = access(V2 "cgroup.controllers", F_OK) == 0;
	limit_fd = open_file(version_2 ? V2 "memory.max" : V1_MEMORY "memory.limit_in_bytes");
	present = is_limit(read_number(limit_fd, ""));
	if (!present)
		return;
	cpu_fd = open_file(version_2 ? V2 "cpu.stat" : V1_CPU "cpuacct.usage");
	user_fd = version_2 ? cpu_fd : open_file(V1_CPU "cpuacct.stat");
	stat_fd = open_file(version_2 ? V2 "memory.stat" : V1_MEMORY "memory.stat");
	kernel_fd = version_2 ? -1 : open_file(V1_MEMORY "memory.kmem.usage_in_bytes");
	usage_fd = open_file(version_2 ? V2 "memory.current" : V1_MEMORY "memory.usage_in_bytes");
	/* memory.peak came with Linux 5.19. */
	peak_fd = open_file(version_2 ? V2 "memory.peak" : V1_MEMORY "memory.max_usage_in_bytes");
	oom_fd = open_file(version_2 ? V2 "memory.events" : V1_MEMORY "memory.oom_control");
	charges_sockets = version_2 || is_limited_v1_sockets();
}

void
cgroup_leave(void)
{
	present = false;
	cpu_fd = user_fd = stat_fd = kernel_fd = usage_fd = peak_fd = -1;
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
cgroup_user_ns(void)
{
	/* v1 counts in ticks, of which every program sees a hundred a second. */
	return version_2 ? read_number(user_fd, "user_usec ") * 1000
			 : read_number(user_fd, "user ") * 10 * MILLISECOND;
}

void
cgroup_memory_read(struct cgroup_memory *memory)
{
	int64_t kernel = read_number(kernel_fd, "");
	const char *stat = read_text(stat_fd);

	/* `file` of v2 and `cache` of v1 have shared memory, too; these lists have not. */
	memory->file = number_after(stat, "active_file ") + number_after(stat, "inactive_file ");
	/* `kernel` came with Linux 5.18. */
	if (version_2 && (kernel = number_after(stat, "kernel ")) == 0)
		kernel = number_after(stat, "slab ") + number_after(stat, "kernel_stack ");
	memory->kernel = kernel;
	/* Without `_file` before Linux 5.9. */
	memory->refaults = number_after(stat, "workingset_refault_file ") +
			   number_after(stat, "workingset_refault ");
	memory->major_faults = number_after(stat, "pgmajfault ");
}

int64_t
cgroup_process_limit(void)
{
	int fd = open_file(version_2 ? V2 "pids.max" : V1_PIDS "pids.max");
	int64_t limit = read_number(fd, "");

	if (fd >= 0)
		close(fd);
	return is_limit(limit) ? limit : 0;
}

int64_t
cgroup_memory_limit(void)
{
	int64_t limit = read_number(limit_fd, "");

	return is_limit(limit) ? limit : 0;
}

int64_t
cgroup_memory_usage(void)
{
	return read_number(usage_fd, "");
}

int64_t
cgroup_memory_held(void)
{
	int64_t cache = read_number(stat_fd, version_2 ? "file " : "cache ");
	int64_t reclaimable = version_2 ? read_number(stat_fd, "slab_reclaimable ") : 0;

	/* Files in memory count as cache. */
	return cgroup_memory_usage() - (cache - read_number(stat_fd, "shmem ")) - reclaimable;
}

bool
cgroup_charges_sockets(void)
{
	return charges_sockets;
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
