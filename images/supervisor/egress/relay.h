/*
 * Copies the bytes of connections: the way of a box to the egress proxy, see docs/design.md.
 *
 * A box has no network but its own loopback. `online` listens on it and connects each connection to
 * a Unix socket, and at that socket, in the proxy's container, `gate` connects it to squid. Both are
 * one loop in one process, which no connection can block.
 */
#ifndef RELAY_H
#define RELAY_H

enum { PROXY_PORT = 3128, BACKLOG = 64 };

/* Accept connections for ever. `dial` returns a connected socket, or -1 to drop the connection. */
_Noreturn void relay_serve(int listener, int (*dial)(void));

#endif
