#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "filter.h"
#include "small_file.h"

enum {
	RATE = 2, /* bytes a nanosecond: no program fills memory or queues faster, as measured */
	SHORTEST = 2 * MILLISECOND,
	LONGEST = 100 * MILLISECOND,
	SAMPLE = 500 * MILLISECOND, /* between looks at the queues for their peak alone */

	SOCKET_SIZE = 4096,   /* bytes of a socket without its queues, rounded up */
	SEGMENT_SIZE = 1280,  /* bytes that a queued segment with one byte of data takes */
	OVERSHOOT = 1 << 16,  /* a queue takes one more packet, of up to 64 KB, at its limit */
	TIME_WAIT = 6, SYN_RECV = 3, /* states of TCP that are no sockets yet, or no more */
};

static int64_t allowed;    /* bytes: the limit and a tenth; 0 if there is nothing to check */
static int64_t next_check; /* ns */
static int64_t next_scan;  /* ns; sooner if it matters for the limit */
static int64_t peak;       /* bytes */

/* Maxima of one socket, in bytes; 0 until they are needed. */
static int64_t receive_max, send_max, socket_max;

/* Sums over the tables. */
static struct {
	int64_t sockets; /* those whose queues are visible, or that are charged */
	int64_t netlink, tcp, tcp6; /* sockets of these protocols; of TCP only those in its table */
	int64_t bytes;   /* in their queues, at least */
	int64_t bound;   /* bytes of memory, at most */
	int64_t enough;  /* reading may stop beyond this bound */
} sums;

typedef void row_reader(const char *row);

/* Read a table of /proc/net row by row, until its end or until `sums` are enough. */
static void
read_rows(const char *path, row_reader *reader)
{
	/* The kernel gives whole rows, a page of them at most. */
	static char text[8192];
	size_t used = 0;
	ssize_t got;

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (sums.bound <= sums.enough &&
	       (got = read(fd, text + used, sizeof text - used)) > 0) {
		char *row = text, *end;
		used += (size_t)got;
		while ((end = memchr(row, '\n', used)) != NULL) {
			*end = '\0';
			reader(row);
			used -= (size_t)(end + 1 - row);
			row = end + 1;
		}
		memmove(text, row, used);
		if (used == sizeof text)
			used = 0; /* no row is that long */
	}
	close(fd);
}

/* The memory of a queue of TCP: its length is in bytes, of which each may be a segment. */
static int64_t
stream_bound(int64_t length, int64_t maximum)
{
	return length < maximum / SEGMENT_SIZE ? length * SEGMENT_SIZE : maximum;
}

static void
read_stream(const char *row)
{
	unsigned state, sent, received;

	if (sscanf(row, "%*d: %*s %*s %2x %8x:%8x", &state, &sent, &received) != 3 ||
	    state == TIME_WAIT || state == SYN_RECV)
		return;
	sums.sockets++;
	sums.bytes += (int64_t)sent + received;
	sums.bound += SOCKET_SIZE + stream_bound(sent, send_max) + stream_bound(received, receive_max);
}

/* UDP's queues are in bytes of memory. */
static void
read_datagram(const char *row)
{
	unsigned sent, received;

	if (sscanf(row, "%*d: %*s %*s %*x %8x:%8x", &sent, &received) != 2)
		return;
	sums.sockets++;
	sums.bytes += (int64_t)sent + received;
	sums.bound += SOCKET_SIZE + (int64_t)sent + received;
}

/* And so are those of netlink. */
static void
read_netlink(const char *row)
{
	unsigned received, sent;

	if (sscanf(row, "%*s %*d %*u %*x %9u %9u", &received, &sent) != 2)
		return;
	sums.bytes += (int64_t)sent + received;
	sums.bound += (int64_t)sent + received;
}

static void
read_protocol(const char *row)
{
	char name[16];
	unsigned sockets;

	if (sscanf(row, "%15s %*u %9u", name, &sockets) != 2)
		return;
	/* What is in unix sockets is charged. */
	if (strcmp(name, "UNIX") == 0 || strcmp(name, "UNIX-STREAM") == 0)
		sums.sockets += sockets;
	if (strcmp(name, "NETLINK") == 0)
		sums.netlink = sockets;
	if (strcmp(name, "TCP") == 0)
		sums.tcp = sockets;
	if (strcmp(name, "TCPv6") == 0)
		sums.tcp6 = sockets;
}

/* Return the largest size in a sysctl of three: the smallest, the initial, the largest. */
static int64_t
buffer_max(const char *path)
{
	char text[128];
	unsigned largest = 0;

	small_file_read(path, text, sizeof text);
	if (sscanf(text, "%*u %*u %9u", &largest) != 1)
		largest = 1 << 23;
	return (int64_t)largest + OVERSHOOT;
}

/* False if sockets of TCP and UDP are not possible here. */
static bool
find_maxima(void)
{
	int datagram_max = 0;
	socklen_t size = sizeof datagram_max;

	if (socket_max > 0)
		return true;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &datagram_max, &size);
	close(fd);
	receive_max = buffer_max("/proc/sys/net/ipv4/tcp_rmem");
	send_max = buffer_max("/proc/sys/net/ipv4/tcp_wmem");
	/* A datagram that is sent in parts waits in its socket, too. */
	int64_t datagrams = datagram_max + 2 * OVERSHOOT;
	int64_t streams = receive_max + send_max;
	socket_max = SOCKET_SIZE + (datagrams > streams ? datagrams : streams);
	return true;
}

/* Return the number after `key`, a count. */
static int64_t
number_after(const char *text, const char *key)
{
	const char *found = strstr(text, key);
	unsigned number;

	return found != NULL && sscanf(found + strlen(key), "%9u", &number) == 1 ? number : 0;
}

/* Read the numbers of sockets into `text`; return how many there are. */
static int64_t
read_sockstat(char *text, size_t size)
{
	static int sockstat = -1;

	if (sockstat < 0)
		sockstat = open("/proc/net/sockstat", O_RDONLY | O_CLOEXEC);
	ssize_t got = sockstat < 0 ? -1 : pread(sockstat, text, size - 1, 0);
	text[got < 0 ? 0 : got] = '\0';
	return number_after(text, "sockets: used ");
}

int64_t
sockets_count(void)
{
	char text[1024];

	return read_sockstat(text, sizeof text);
}

/* Set `sums` to those of the box. False if it can't have such sockets. */
static bool
sum_up(int64_t now)
{
	char text[1024];

	int64_t count = read_sockstat(text, sizeof text);
	if (count <= 0)
		return true;
	if (cgroup_charges_sockets()) {
		read_rows("/proc/net/protocols", read_protocol);
		if (sums.netlink > 0)
			read_rows("/proc/net/netlink", read_netlink);
		return true;
	}
	if (!find_maxima())
		return false;
	int64_t time_wait = number_after(text, " tw ") * SOCKET_SIZE;
	int64_t bound = count * socket_max + time_wait;
	/* Up to a tenth of the limit is allowed anyway, since the cgroup keeps the rest to the limit. */
	bool fits = bound <= allowed / 11 || (bound <= sums.enough && now < next_scan);
	if (fits) {
		sums.bound = bound;
		return true;
	}
	next_scan = now + SAMPLE;
	sums.bound = time_wait;
	read_rows("/proc/net/protocols", read_protocol);
	read_rows("/proc/net/udp", read_datagram);
	read_rows("/proc/net/udp6", read_datagram);
	/* Each walks through the table of all namespaces: 4 ms on a machine with 24 GB of memory. */
	if (sums.tcp > 0)
		read_rows("/proc/net/tcp", read_stream);
	if (sums.tcp6 > 0)
		read_rows("/proc/net/tcp6", read_stream);
	if (sums.bound <= sums.enough && count > sums.sockets)
		sums.bound += (count - sums.sockets) * socket_max;
	return true;
}

void
sockets_start(int64_t now)
{
	int64_t limit = cgroup_present() ? cgroup_memory_limit() : 0;

	allowed = limit + limit / 10;
	peak = 0;
	next_scan = 0;
	next_check = allowed > 0 ? now + (allowed - cgroup_memory_usage()) / RATE : INT64_MAX;
}

int64_t
sockets_due(void)
{
	return next_check;
}

bool
sockets_check(int64_t now)
{
	if (now < next_check)
		return false;
	int64_t usage = cgroup_memory_usage();
	memset(&sums, 0, sizeof sums);
	sums.enough = allowed - usage;
	bool possible = sum_up(now);
	int64_t room = allowed - usage - sums.bound;
	if (sums.bytes > 0 && usage + sums.bytes > peak)
		peak = usage + sums.bytes;
	if (!possible || room < 0) {
		next_check = INT64_MAX;
		if (room < 0)
			peak = allowed; /* the bound may be far above it */
		return room < 0;
	}
	/* The check itself takes at most a third of the time. */
	int64_t end = clock_now();
	int64_t shortest = SHORTEST + 2 * (end - now);
	int64_t wait = room / RATE < LONGEST ? room / RATE : LONGEST;
	next_check = end + (wait > shortest ? wait : shortest);
	return false;
}

int64_t
sockets_peak(void)
{
	return peak;
}

void
sockets_restrict(void)
{
#ifdef NATIVE
	enum { I386_SETSOCKOPT = 366, TIMESTAMPING_NEW = 65 };
	unsigned fixed = cgroup_charges_sockets() ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO;
	struct sock_filter filter[] = {
		LOAD(arch),
#ifdef __x86_64__
		EQUAL(AUDIT_ARCH_I386, 3),
		LOAD(nr),
		JUMP_IF(I386_SETSOCKOPT, 4),
		RETURN(SECCOMP_RET_ALLOW),
#endif
		/*  0 */ EQUAL(NATIVE, 32),
		/*  1 */ LOAD(nr),
		/*  2 */ EQUAL(SYS_setsockopt, 30),
		/*  3 */ LOAD(args[1]),
		/*  4 */ JUMP_IF(IPPROTO_IPV6, 12),
		/*  5 */ JUMP_IF(IPPROTO_IP, 16),
		/*  6 */ JUMP_IF(IPPROTO_TCP, 21),
		/*  7 */ JUMP_IF(IPPROTO_UDP, 23),
		/*  8 */ EQUAL(SOL_SOCKET, 24),
		/*  9 */ LOAD(args[2]),
		/* 10 */ JUMP_IF(SO_SNDBUF, 24),
		/* 11 */ JUMP_IF(SO_RCVBUF, 23),
		/* 12 */ JUMP_IF(SO_ATTACH_FILTER, 21),
		/* 13 */ JUMP_IF(SO_ATTACH_REUSEPORT_CBPF, 20),
		/* 14 */ JUMP_IF(SO_TIMESTAMPING, 19),
		/* 15 */ JUMP_IF(TIMESTAMPING_NEW, 18),
		/* 16 */ JUMP(16),
		/* 17 */ LOAD(args[2]),
		/* 18 */ JUMP_IF(IPV6_JOIN_GROUP, 15),
		/* 19 */ JUMP_IF(MCAST_JOIN_GROUP, 14),
		/* 20 */ JUMP_IF(MCAST_JOIN_SOURCE_GROUP, 13),
		/* 21 */ JUMP(11),
		/* 22 */ LOAD(args[2]),
		/* 23 */ JUMP_IF(IP_ADD_MEMBERSHIP, 10),
		/* 24 */ JUMP_IF(IP_ADD_SOURCE_MEMBERSHIP, 9),
		/* 25 */ JUMP_IF(MCAST_JOIN_GROUP, 8),
		/* 26 */ JUMP_IF(MCAST_JOIN_SOURCE_GROUP, 7),
		/* 27 */ JUMP(5),
		/* 28 */ LOAD(args[2]),
		/* 29 */ JUMP_IF(TCP_ULP, 4),
		/* 30 */ JUMP(2),
		/* 31 */ LOAD(args[2]),
		/* 32 */ JUMP_IF(UDP_ENCAP, 1),
		/* 33 */ RETURN(SECCOMP_RET_ALLOW),
		/* 34 */ RETURN(SECCOMP_RET_ERRNO | EPERM),
		/* 35 */ RETURN(fixed), /* an errno of 0 is success */
	};
	struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};

	filter_install(&program);
#endif
}
