/* Files of the kernel: a cgroup v1, if the case has one, and the tables of sockets in /proc/net. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel.h"

static const char CGROUP[] = "/sys/fs/cgroup/", TABLES[] = "/proc/net/", SYSCTLS[] = "/proc/sys/net/";

static bool
starts(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool
ends(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

int
file_open(const char *path)
{
	if (strcmp(path, ".") == 0)
		return descriptor_open(DIRECTORY, NULL);
	const char *counters[] = {"memory.limit_in_bytes", "memory.usage_in_bytes",
				  "memory.max_usage_in_bytes", "cpuacct.usage",
				  "memory.oom_control"};

	if (terminal_path(path))
		return terminal_end_open(path);
	if (starts(path, TABLES) || starts(path, SYSCTLS) || starts(path, "/proc/sysvipc/"))
		return descriptor_open(TABLE, NULL);
	if (starts(path, CGROUP) && kernel.cgroup)
		for (int at = 0; at < COUNTERS; at++)
			if (ends(path, counters[at]))
				return descriptor_open(COUNTER + at, NULL);
	return (int)fail(ENOENT);
}

ssize_t
table_read(struct descriptor *from, void *buffer, size_t size)
{
	size_t left = kernel.table_size - from->read;

	if (from->read >= kernel.table_size)
		return 0;
	if (size > left)
		size = left;
	memcpy(buffer, kernel.table + from->read, size);
	from->read += size;
	return (ssize_t)size;
}

ssize_t
fake_pread(int fd, void *buffer, size_t size, off_t offset)
{
	int64_t values[COUNTERS] = {MEMORY_LIMIT, kernel.usage, kernel.usage, kernel.clock, 0};
	char text[64];
	struct descriptor *from = descriptor(fd);
	int counter = from->use - COUNTER;

	if (from->use == TABLE) {
		from->read = (size_t)offset;
		return table_read(from, buffer, size);
	}

	require(counter >= 0 && counter < COUNTERS && offset == 0, "counters are read from their start");
	int length = snprintf(text, sizeof text, "%s%lld\n", counter == COUNTERS - 1 ? "oom_kill " : "",
			      (long long)values[counter]);
	require((size_t)length < size, "a counter has room");
	memcpy(buffer, text, (size_t)length);
	return length;
}

int
fake_socket(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	return descriptor_open(SOCKET, NULL);
}

int
fake_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	(void)level, (void)option;
	require(descriptor(fd)->use == SOCKET && *size == sizeof(int), "an option is asked of a socket");
	memcpy(value, &(int){212992}, sizeof(int));
	return 0;
}
