/* Socket families and protocols, whose modules the kernel loads for any process. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

static void
works(const char *what, int family, int type, int protocol)
{
	if (socket(family, type, protocol) < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
}

int
main(void)
{
	int tries = 0;

	works("unix", AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	works("tcp", AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	works("udp", AF_INET6, SOCK_DGRAM, 0);
	works("interfaces", AF_NETLINK, SOCK_RAW, 0);
	for (int family = 0; family < 64; family++) {
		if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK)
			continue;
		char what[32];
		snprintf(what, sizeof what, "family %d", family);
		refused(what, socket(family, SOCK_STREAM, 0), EPERM);
		refused(what, socket(family, SOCK_DGRAM, 0), EPERM);
		refused(what, syscall(SYS_socket, 1L << 32 | family, SOCK_RAW, 0), EPERM);
		tries += 3;
	}
	for (int protocol = 1; protocol < 32; protocol++, tries++)
		refused("netlink", socket(AF_NETLINK, SOCK_RAW, protocol), EPERM);
	refused("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
	refused("raw 6", socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), EPERM);
	refused("ping", socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), EPERM);
	refused("sctp", socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), EPERM);
	refused("mptcp", socket(AF_INET, SOCK_STREAM, 262), EPERM);
	refused("dccp", socket(AF_INET, SOCK_DCCP, IPPROTO_DCCP), EPERM);
	refused("udplite", socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE), EPERM);
	int pair[2];
	refused("tipc pair", socketpair(AF_TIPC, SOCK_STREAM, 0, pair), EPERM);
	return report(tries + 8);
}
