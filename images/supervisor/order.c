#include "order.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <unistd.h>

#include "frames.h"

enum {
	MAX_PENDING = 1024, /* far more than both pipes hold writes */
	MAX_QUEUED = 4096,  /* by the kernel */
	BATCH = 32,         /* signals a read */
};

static int signals = -1;
static struct rlimit program_limit; /* of the container */
static int pending[MAX_PENDING]; /* a ring of descriptors */
static size_t first, count;

/* The kernel bounds the pending signals of a user, who is the host's root here. */
static void
limit_pending(rlim_t maximum)
{
	struct rlimit limit = program_limit;

	if (maximum < limit.rlim_cur)
		limit.rlim_cur = maximum;
	setrlimit(RLIMIT_SIGPENDING, &limit);
}

void
order_open(void)
{
	sigset_t set;

	/* If the kernel can't queue another real-time signal it sends SIGIO, which must not end us. */
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || getrlimit(RLIMIT_SIGPENDING, &program_limit) < 0)
		fault(FAULT_BOX, "start: signalfd: %s", strerror(errno));
	limit_pending(MAX_QUEUED);
}

void
order_leave(void)
{
	limit_pending(RLIM_INFINITY);
}

bool
order_watch(int fd)
{
	return fcntl(fd, F_SETOWN, getpid()) == 0 && fcntl(fd, F_SETSIG, SIGRTMIN) == 0 &&
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) == 0;
}

void
order_unwatch(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_ASYNC);
}

int
order_fd(void)
{
	return signals;
}

void
order_read(void)
{
	struct signalfd_siginfo batch[BATCH];

	/* A program can make signals faster than they are read here, so not until there is none. */
	for (size_t left = MAX_PENDING; left > 0; left -= BATCH) {
		ssize_t got = read(signals, batch, sizeof batch);
		for (size_t at = 0; got > 0 && at < (size_t)got / sizeof *batch; at++) {
			if (batch[at].ssi_signo == SIGIO || count == MAX_PENDING)
				continue;
			pending[(first + count++) % MAX_PENDING] = batch[at].ssi_fd;
		}
		if (got < (ssize_t)sizeof batch)
			break;
	}
}

bool
order_flooded(void)
{
	return count == MAX_PENDING;
}

int
order_next(void)
{
	while (count > 0) {
		int fd = pending[first];
		first = (first + 1) % MAX_PENDING;
		count--;
		if (fd >= 0)
			return fd;
	}
	return -1;
}

size_t
order_count(int fd)
{
	size_t found = 0;

	if (fd < 0)
		return 0;
	for (size_t at = 0; at < count; at++)
		found += pending[(first + at) % MAX_PENDING] == fd;
	return found;
}

bool
order_only(int fd)
{
	for (size_t at = 0; at < count; at++) {
		int other = pending[(first + at) % MAX_PENDING];
		if (other >= 0 && other != fd)
			return false;
	}
	return true;
}

void
order_drop(int fd, size_t keep, size_t number)
{
	for (size_t at = 0; at < count && number > 0; at++) {
		int *entry = &pending[(first + at) % MAX_PENDING];
		if (*entry != fd)
			continue;
		if (keep > 0) {
			keep--;
		} else {
			*entry = -1;
			number--;
		}
	}
}

void
order_reset(void)
{
	do {
		count = 0;
		order_read();
	} while (count > 0);
}
