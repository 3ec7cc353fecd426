/*
 * The order of output across two pipes.
 *
 * Of two pipes that both have something to read, nothing tells which was written first. So the
 * program is held, by seccomp's user notification, at each write to its stderr and each dup onto
 * its streams, until all that it wrote before has been taken. What it only writes to stdout costs
 * nothing.
 *
 * Between two such moments it writes, in this order: at most once to stderr, then to stdout. So of
 * what is readable, stderr comes first; see stage_transfer().
 *
 * Exact for what one thread writes through its descriptors 1 and 2, unless it closes one and takes
 * its number again. A signal that comes while a write waits to be seen may make it fail with EINTR,
 * as writing to a full pipe may. Where the kernel or the engine
 * has no notifications, programs run without.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>

/* In a child about to become the program: have the calls notified, send the listener to `socket`. */
void order_offer(int socket);

/* A program was started that will offer its listener on the other end. */
void order_await(int socket);

/* What to poll for input, or -1: the offer first, then the notifications. */
int order_fd(void);

/* It is readable: take the listener, or note that the program is held. */
void order_read(void);

/* Whether the program waits at a call; and let it go on with it. */
bool order_holds(void);
void order_release(void);

/* The stage is over. */
void order_forget(void);

#endif
