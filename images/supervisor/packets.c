#include "packets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "order.h"

enum { SLOW_TAKE = 10 * MICROSECOND };

static size_t
page(void)
{
	static size_t size;

	if (size == 0)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

bool
packets_open(struct packets *packets, int fd, char *ahead)
{
	int size = fcntl(fd, F_GETPIPE_SZ);

	*packets = (struct packets){.fd = fd, .pipe = {-1, -1}, .ahead = ahead};
	if (size <= 0 || !order_watch(fd) || pipe2(packets->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	/* It may get a smaller size than that: then not all is taken at once, and a full pipe may
	 * cost the order. */
	fcntl(packets->pipe[0], F_SETPIPE_SZ, size);
	packets->capacity = (size_t)size / page();
	return true;
}

void
packets_close(struct packets *packets)
{
	if (packets->capacity == 0)
		return;
	close(packets->pipe[0]);
	close(packets->pipe[1]);
	packets->capacity = 0;
}

static short
poll_now(int fd, short events)
{
	struct pollfd polled = {.fd = fd, .events = events};

	return poll(&polled, 1, 0) > 0 ? polled.revents : 0;
}

static size_t
count_signals(const struct packets *packets)
{
	order_read();
	return order_count(packets->fd);
}

/* Count signals that came while packets were taken: that waits for a long write, whose signal follows.
 * If nothing else is in the pipe yet, all signals are of what was taken, but for one of the end of the
 * last writer. */
static void
count_late(struct packets *packets)
{
	size_t count = count_signals(packets);
	short events = poll_now(packets->fd, POLLIN);

	if ((events & POLLHUP) && !(events & POLLIN)) {
		count = count_signals(packets);
		count -= count > 0;
	}
	if (!(events & POLLIN))
		packets->writes = count;
	else if (count > packets->writes)
		packets->late = count - packets->writes;
}

void
packets_take(struct packets *packets)
{
	size_t most = packets->capacity - 1; /* signals, besides the one that has led here */
	size_t count = 0, before;

	if (packets->capacity == 0 || packets->left > 0)
		return;
	int64_t begun = clock_now();
	/* If the pipe is about to be full, wait until it is, or until the writer does something else. */
	do {
		before = count;
		count = count_signals(packets);
	} while (count > most * 3 / 4 && count <= most && count != before);
	ssize_t got = splice(packets->fd, NULL, packets->pipe[1], NULL, packets->capacity * page(),
			     SPLICE_F_NONBLOCK);
	if (got <= 0)
		return;
	packets->left = (size_t)got;
	packets->writes = count < most ? count : most;
	packets->run = 0;
	packets->alone = false;
	packets->late = 0;
	if (count > most) {
		order_drop(packets->fd, most, count - most);
		return;
	}
	/* In between it may have become full, most likely if another process ran in our place. */
	if ((count > most * 3 / 4 || clock_now() - begun > SLOW_TAKE) &&
	    count_signals(packets) > most && !(poll_now(packets->pipe[1], POLLOUT) & POLLOUT)) {
		order_drop(packets->fd, most, 1);
		return;
	}
	if ((size_t)got >= page())
		count_late(packets);
}

static ssize_t
queue_ahead(struct packets *packets, enum frame_type type, size_t limit, size_t keep)
{
	size_t size = packets->sizes[packets->next_size++];
	size_t got = size < limit ? size : limit;

	if (keep > 0)
		frames_queue_output(type, packets->ahead + packets->ahead_start,
				    got < keep ? got : keep);
	packets->ahead_start += size;
	packets->left -= size;
	return (ssize_t)got;
}

ssize_t
packets_queue(struct packets *packets, enum frame_type type, size_t limit, size_t keep)
{
	if (packets->next_size < packets->size_count)
		return queue_ahead(packets, type, limit, keep);
	if (packets->left == 0)
		return frames_queue_from(type, packets->fd, limit, keep);
	ssize_t got = frames_queue_from(type, packets->pipe[0], limit, keep);
	if (got > 0)
		packets->left -= (size_t)got;
	return got;
}

/* Read all that was taken. */
static bool
look_ahead(struct packets *packets)
{
	size_t at = 0, count = 0;

	if (packets->left > AHEAD_SIZE)
		return false;
	while (at < packets->left && count < MAX_AHEAD) {
		ssize_t got = read(packets->pipe[0], packets->ahead + at, page());
		if (got <= 0)
			break;
		packets->sizes[count++] = (uint32_t)got;
		at += (size_t)got;
	}
	packets->ahead_start = packets->next_size = 0;
	packets->size_count = count;
	packets->left = at;
	return true;
}

/* The same number of full packets in so many writes that end with one: how many in each, 0 if that is
 * impossible, SIZE_MAX if there are no such writes. */
static size_t
divide(size_t full, size_t writes)
{
	if (writes == 0)
		return SIZE_MAX;
	if (writes >= full)
		return 1;
	return full % writes == 0 ? full / writes : 0;
}

/* After how many full packets a write ends, those before the current packet included, of which there
 * are `full`; SIZE_MAX if never, that is with a packet that is not full. */
static size_t
find_run(struct packets *packets, size_t full)
{
	size_t partial = 0;

	if (!look_ahead(packets))
		return SIZE_MAX;
	for (size_t at = 0; at < packets->size_count; at++)
		*(packets->sizes[at] == page() ? &full : &partial) += 1;
	size_t least = 1 + packets->writes;
	/* Most likely as before. */
	size_t usual = packets->usual;
	if (usual > 0 && full % usual == 0 && full / usual + partial >= least &&
	    full / usual + partial <= least + packets->late)
		return usual;
	for (size_t writes = least; writes <= least + packets->late; writes++) {
		size_t run = divide(full, writes > partial ? writes - partial : 0);
		if (run > 0)
			return run;
	}
	/* One signal may be of a write that waits. */
	size_t run = least - 1 > partial ? divide(full, least - 1 - partial) : 0;
	return run > 0 ? run : SIZE_MAX;
}

bool
packets_continue(struct packets *packets, size_t size)
{
	/* The rest of a write that waits for room comes with another signal. */
	if (packets->left == 0)
		return false;
	if (!packets->alone) {
		order_read();
		packets->alone = order_only(packets->fd);
	}
	if (packets->alone)
		return true;
	if (packets->run == 0)
		packets->run = find_run(packets, size / page());
	if (packets->run < SIZE_MAX)
		packets->usual = packets->run;
	return size / page() < packets->run;
}

void
packets_signalled(struct packets *packets)
{
	if (packets->left == 0)
		packets_take(packets);
	else if (packets->writes > 0)
		packets->writes--;
}

size_t
packets_settle(struct packets *packets)
{
	size_t settled = packets->writes;

	if (packets->left > 0 || settled == 0)
		return 0;
	order_drop(packets->fd, 0, settled);
	packets->writes = 0;
	return settled;
}
