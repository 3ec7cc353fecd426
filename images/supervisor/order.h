/*
 * The order of output across two pipes.
 *
 * If two pipes are readable, the kernel does not say which was written first. So the program is
 * held, by seccomp's user notification, at each write to its stderr and each dup onto its streams,
 * until all that it wrote before has been transferred. Programs that only write to stdout pay
 * nothing.
 *
 * Between two such moments it writes, in this order: at most once to stderr, then to stdout. So of
 * what is readable, stderr comes first; see streams_transfer().
 *
 * Exact for what one thread writes through its descriptors 1 and 2, unless it closes one and takes
 * its number again. A signal that comes while a write is held may make it fail with EINTR, as
 * writing to a full pipe may. If the kernel or the engine has no notifications, programs run without.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>

/* In the child, before exec: install the filter, send its listener to `socket`. */
void order_offer(int socket);

/* A program was started that offers its listener on the other end. */
void order_await(int socket);

/* What to poll for input, or -1: the socket first, then the listener. */
int order_fd(void);

/* It is readable: take the listener, or note that the program is held. */
void order_read(void);

/* Whether the program is held at a call; and let the call go on. */
bool order_held(void);
void order_release(void);

/* The stage is over. */
void order_close(void);

#endif
