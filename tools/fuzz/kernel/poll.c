/* poll() and ppoll(): readiness of descriptors. The supervisor sleeps there, so events happen there. */
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

enum { MAX_IDLE_TURNS = 64 };

/* ns. More than any limit of a stage; the sockets of a box with channels are looked at for ever. */
static const int64_t LONGEST_OVERSLEEP = INT64_C(1) << 60;

/* What poll() reports though nobody has asked for it. */
static const short UNASKED = POLLHUP | POLLERR;

static short
ready(int fd)
{
	struct descriptor *at = descriptor(fd);

	if (fd == STDIN_FILENO)
		return (short)((kernel.controller.sent > kernel.controller.received ? POLLIN : 0) |
			       (kernel.controller.gone ? POLLHUP : 0));
	if (fd == STDOUT_FILENO)
		return !kernel.controller.limited || kernel.controller.accepts > 0 ? POLLOUT : 0;
	switch (at->use) {
	case CHILDREN:
		return kernel.child_signal ? POLLIN : 0;
	case SIGNALS:
		return kernel.signal_count > 0 || kernel.signal_overflow ? POLLIN : 0;
	case READS:
		return (short)((at->pipe->used > 0 ? POLLIN : 0) |
			       (at->pipe->writers == 0 ? POLLHUP : 0));
	case MASTER:
		return (short)((at->pipe->used > 0 ? POLLIN : 0) |
			       (!pipe_full(at->typed) ? POLLOUT : 0));
	default:
		if (at->pipe->readers == 0)
			return POLLERR;
		return !pipe_full(at->pipe) ? POLLOUT : 0;
	}
}

static int
check(struct pollfd *polled, nfds_t count)
{
	int found = 0;

	for (nfds_t at = 0; at < count; at++) {
		polled[at].revents = 0;
		if (polled[at].fd >= 0)
			polled[at].revents =
				(short)(ready(polled[at].fd) & (polled[at].events | UNASKED));
		found += polled[at].revents != 0;
	}
	return found;
}

int
fake_ppoll(struct pollfd *polled, nfds_t count, const struct timespec *timeout,
	   const sigset_t *mask)
{
	(void)mask;
	/* A stage's payload need not live until here. */
	stage_payload_free();

	bool idle = kernel.activity == kernel.last_activity;
	kernel.last_activity = kernel.activity;
	bool more = next_events();
	int found = check(polled, count);
	while (found == 0 && more) {
		more = next_events();
		found = check(polled, count);
	}
	kernel.idle_turns =
		idle && kernel.activity == kernel.last_activity ? kernel.idle_turns + 1 : 0;
	require(kernel.idle_turns < MAX_IDLE_TURNS, "the loop sleeps when nothing happens");
	kernel.last_activity = kernel.activity;
	if (found > 0)
		return found;
	if (kernel.controller.limited) { /* one that does not read at last reads on */
		kernel.controller.limited = false;
	} else if (timeout != NULL && kernel.oversleep < LONGEST_OVERSLEEP) {
		/* A sleep may always last longer. After some without an event, they reach any limit. */
		kernel.clock += timeout->tv_sec * 1000000000 + timeout->tv_nsec + kernel.oversleep;
		kernel.oversleep = idle ? 2 * kernel.oversleep + 1000000 : 0;
	} else if (kernel.collector.alive) { /* its alarm goes off */
		collector_end(SIGALRM);
	} else if (handlers_end_one()) {
		return check(polled, count);
	} else {
		kernel.controller.gone = kernel.controller.done = true;
	}
	return check(polled, count);
}

int
fake_poll(struct pollfd *polled, nfds_t count, int timeout)
{
	(void)timeout;
	return check(polled, count);
}
