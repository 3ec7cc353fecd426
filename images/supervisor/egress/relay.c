#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MAX_CONNECTIONS = 128, /* more wait to be accepted */
	BUFFER = 32768,
	OUT_OF_DESCRIPTORS_MS = 20, /* until accept() is tried again */
};

/* One direction of a connection. */
struct flow {
	size_t begin, end; /* of what was read and is not written yet */
	bool ended;	   /* the sender has no more */
	bool closed;	   /* and the receiver knows */
	char data[BUFFER];
};

/* Flow i goes from socket i to the other. */
static struct connection {
	bool used;
	int sockets[2];
	struct flow flows[2];
} connections[MAX_CONNECTIONS]; /* in .bss: most are never touched */

static void
drop(struct connection *connection)
{
	close(connection->sockets[0]);
	close(connection->sockets[1]);
	connection->used = false;
}

static bool
try_again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Read if nothing is left to write, and write what can be. False if the connection has failed. */
static bool
advance(struct flow *flow, int from, int to)
{
	if (flow->begin == flow->end && !flow->ended) {
		ssize_t got = recv(from, flow->data, sizeof flow->data, 0);
		if (got < 0 && !try_again())
			return false;
		if (got == 0)
			flow->ended = true;
		flow->begin = 0;
		flow->end = got > 0 ? (size_t)got : 0;
	}
	if (flow->begin < flow->end) {
		ssize_t put = send(to, flow->data + flow->begin, flow->end - flow->begin, MSG_NOSIGNAL);
		if (put < 0 && !try_again())
			return false;
		if (put > 0)
			flow->begin += (size_t)put;
	}
	if (flow->ended && flow->begin == flow->end && !flow->closed) {
		flow->closed = true;
		shutdown(to, SHUT_WR);
	}
	return true;
}

static void
serve(struct connection *connection)
{
	bool lives = true;

	for (int i = 0; i < 2 && lives; i++)
		lives = advance(&connection->flows[i], connection->sockets[i],
				connection->sockets[1 - i]);
	if (!lives || (connection->flows[0].closed && connection->flows[1].closed))
		drop(connection);
}

static struct connection *
find_free(void)
{
	for (size_t at = 0; at < MAX_CONNECTIONS; at++)
		if (!connections[at].used)
			return &connections[at];
	return NULL;
}

static void
accept_one(int listener, struct connection *connection, int (*dial)(void))
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0) {
		/* The listener stays readable. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			poll(NULL, 0, OUT_OF_DESCRIPTORS_MS);
		return;
	}
	int target = dial();
	if (target < 0 || fcntl(target, F_SETFL, fcntl(target, F_GETFL) | O_NONBLOCK) < 0) {
		close(client);
		if (target >= 0)
			close(target);
		return;
	}
	connection->used = true;
	connection->sockets[0] = client;
	connection->sockets[1] = target;
	for (int i = 0; i < 2; i++) {
		struct flow *flow = &connection->flows[i];
		flow->begin = flow->end = 0;
		flow->ended = flow->closed = false;
	}
}

/* What a socket is waited for. Without events it is not polled at all: its hang-up would wake us
 * again and again while the other side takes its time. */
static struct pollfd
wanted(const struct connection *connection, int i)
{
	const struct flow *out = &connection->flows[i], *in = &connection->flows[1 - i];
	short events = 0;

	if (connection->used && out->begin == out->end && !out->ended)
		events |= POLLIN;
	if (connection->used && in->begin < in->end)
		events |= POLLOUT;
	return (struct pollfd){.fd = events ? connection->sockets[i] : -1, .events = events};
}

_Noreturn void
relay_serve(int listener, int (*dial)(void))
{
	struct pollfd polled[1 + 2 * MAX_CONNECTIONS];

	for (;;) {
		struct connection *next = find_free();
		polled[0] = (struct pollfd){.fd = next ? listener : -1, .events = POLLIN};
		for (size_t at = 0; at < MAX_CONNECTIONS; at++)
			for (int i = 0; i < 2; i++)
				polled[1 + 2 * at + (size_t)i] = wanted(&connections[at], i);
		if (poll(polled, sizeof polled / sizeof *polled, -1) < 0)
			continue;
		for (size_t at = 0; at < MAX_CONNECTIONS; at++)
			if (polled[1 + 2 * at].revents || polled[2 + 2 * at].revents)
				serve(&connections[at]);
		if (polled[0].revents)
			accept_one(listener, next, dial);
	}
}
