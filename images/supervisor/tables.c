#include "tables.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "sockets.h"

/*
 * No sockets may be left, and none may have been used: the counters of the network namespace can't
 * be set back, and a program could read what an earlier one has sent. They also make the tables of
 * TCP superfluous, each of which walks through the sockets of all namespaces, for 15 ms on a busy
 * machine: no connection, be it in TIME_WAIT, has come about without a packet.
 */
static const char *const TABLES[] = {
	"/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg", "/proc/net/unix",
	"/proc/net/udp",     "/proc/net/udp6",	  "/proc/net/raw",     "/proc/net/raw6",
	"/proc/net/dev",     "/proc/net/snmp",	  "/proc/net/snmp6",   "/proc/net/netstat",
	/* What outlives a socket that has sent nothing: a flow label, for minutes; the cached
	 * routes of IPv6; the number of look-ups of routes, where the kernel counts it; and the key
	 * of TCP Fast Open, which is made when the first socket asks for it. */
	"/proc/net/ip6_flowlabel",		  "/proc/net/rt6_stats",
	"/proc/net/fib_triestat",		  "/proc/sys/net/ipv4/tcp_fastopen_key",
};

enum { COUNT = sizeof TABLES / sizeof *TABLES };

/* Opened by the first comparison and kept: to find them in /proc takes longer than to read them. 0 if
 * not opened yet, -1 if there is no such table. */
static int kept[COUNT];

static char recorded[1 << 15]; /* what the tables read, one after the other */
static size_t recorded_end[COUNT];
/* The kernel frees some a while after their end: in a new box it may count one with which the
 * container's runtime has set up the network, and then fewer later. */
static int64_t recorded_sockets;

static int
open_table(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Read a table from its start to its end, or as far as it fits. */
static size_t
read_table(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t got;

	while (used < size && (got = pread(fd, text + used, size - used, (off_t)used)) > 0)
		used += (size_t)got;
	return used;
}

static size_t
read_path(const char *path, char *text, size_t size)
{
	int fd = open_table(path);
	if (fd < 0)
		return 0;
	size_t used = read_table(fd, text, size);
	close(fd);
	return used;
}

void
tables_rows(const char *path, void (*reader)(const char *row))
{
	static char text[1 << 16];
	size_t lines = 0;
	char *row = text, *end;

	size_t used = read_path(path, text, sizeof text);
	while ((end = memchr(row, '\n', used)) != NULL) {
		*end = '\0';
		if (lines++ > 0)
			reader(row);
		used -= (size_t)(end + 1 - row);
		row = end + 1;
	}
}

void
tables_record(void)
{
	size_t used = 0;

	for (size_t at = 0; at < COUNT; at++) {
		used += read_path(TABLES[at], recorded + used, sizeof recorded - used);
		recorded_end[at] = used;
	}
	recorded_sockets = sockets_count();
}

static bool
same(const char *text, size_t size, size_t number)
{
	size_t start = number == 0 ? 0 : recorded_end[number - 1];

	return size == recorded_end[number] - start && memcmp(text, recorded + start, size) == 0;
}

const char *
tables_changed(void)
{
	static char text[sizeof recorded];

	for (size_t at = 0; at < COUNT; at++) {
		if (kept[at] == 0)
			kept[at] = open_table(TABLES[at]);
		size_t size = kept[at] < 0 ? 0 : read_table(kept[at], text, sizeof text);
		if (!same(text, size, at))
			return TABLES[at];
	}
	return sockets_count() <= recorded_sockets ? NULL : "/proc/net/sockstat";
}
