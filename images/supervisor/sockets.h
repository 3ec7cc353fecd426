/*
 * Kernel memory of sockets that the box's cgroup doesn't charge.
 *
 * On cgroup v1 that is all that is queued in TCP and UDP sockets: one run took gigabytes while its
 * cgroup showed 14 MB. On v2 it is the answers queued in netlink sockets. So while a stage runs, the
 * queues are added up; with the memory that is charged they may take the box's limit and a tenth.
 *
 * Not every queue is visible. A TCP socket after a reset or its last ACK, and a UDP socket that has
 * disconnected, keep what they have received and are in no table of /proc/net. They still count in
 * the number of sockets, so each of these is taken for full. That needs a maximum for one socket:
 * TCP's are sysctls of the box's network namespace, set by the controller; UDP's is the default of
 * the kernel, which programs on v1 can't raise: setting SO_RCVBUF and SO_SNDBUF has no effect.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

/* In the child, before exec: install a filter for socket options. Some are without effect, see
 * above. Others are refused (EPERM). Some take kernel memory that no cgroup charges: socket filters
 * (48 KB a socket), time stamps (they keep sent packets), IPv6 multicast (0.8 MB a socket). And for a
 * member of an IPv4 group the kernel sends reports, for seconds after its end. Encapsulation (UDP_ENCAP)
 * rewrites code of the kernel with each first and last socket that has it, for which it interrupts all
 * processors of the machine: 30,000 times a second. It and the protocols above TCP (TCP_ULP) are also
 * code that no program in a box needs. */
void sockets_restrict(void);

/* A stage begins. */
void sockets_start(int64_t now);

/* When the next check is due, see clock.h; INT64_MAX for never. */
int64_t sockets_due(void);

/* True if the box has more memory than its limit and a tenth. */
bool sockets_check(int64_t now);

/* How many sockets the network namespace has. */
int64_t sockets_count(void);

/* Peak of the box's memory with these queues, bytes; 0 if nothing was seen in them. */
int64_t sockets_peak(void);

#endif
