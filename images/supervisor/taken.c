#include "taken.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "order.h"

static int between[2] = {-1, -1}; /* empty after each use */

size_t
page_size(void)
{
	static size_t size;

	if (size == 0)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

bool
taken_open(int size)
{
	if (between[0] < 0 && pipe2(between, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	/* It may get a smaller size than that: then not all is moved at once, and a full pipe may cost
	 * the order. */
	fcntl(between[0], F_SETPIPE_SZ, 2 * size);
	return true;
}

size_t
move_packets(const struct packets *packets)
{
	ssize_t moved = splice(packets->fd, NULL, between[1], NULL, packets->capacity * page_size(),
			       SPLICE_F_NONBLOCK);

	return moved > 0 ? (size_t)moved : 0;
}

void
read_moved(struct packets *packets, size_t end)
{
	while (packets->end < end) {
		ssize_t got = read(between[0], packets->taken + packets->end, page_size());
		if (got <= 0)
			return;
		packets->sizes[packets->count++] = (uint32_t)got;
		packets->end += (size_t)got;
	}
}

size_t
count_signals(const struct packets *packets)
{
	order_read();
	return order_count(packets->fd);
}

short
poll_packets(const struct packets *packets)
{
	struct pollfd polled = {.fd = packets->fd, .events = POLLIN};

	return poll(&polled, 1, 0) > 0 ? polled.revents : 0;
}
