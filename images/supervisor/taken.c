#include "taken.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "order.h"

static int between[2] = {-1, -1}; /* empty after each use */
static size_t between_room;	 /* packets */

size_t
page_size(void)
{
	static size_t size;

	if (size == 0)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

bool
taken_open(size_t size)
{
	if (size > TAKEN_SIZE)
		return false;
	if (between[0] < 0 && pipe2(between, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	size_t most = 2 * size < TAKEN_SIZE ? 2 * size : TAKEN_SIZE;
	fcntl(between[0], F_SETPIPE_SZ, most);
	int got = fcntl(between[0], F_GETPIPE_SZ);
	between_room = got > 0 ? (size_t)got / page_size() : 0;
	return between_room > 0 && between_room <= MAX_TAKEN && (size_t)got <= TAKEN_SIZE;
}

void
taken_close(void)
{
	if (between[0] < 0)
		return;
	close(between[0]);
	close(between[1]);
	between[0] = between[1] = -1;
}

size_t
move_room(void)
{
	return between_room;
}

bool
taken_room(const struct packets *packets)
{
	return packets->count + between_room <= MAX_TAKEN &&
	       packets->end + between_room * page_size() <= TAKEN_SIZE;
}

size_t
move_packets(const struct packets *packets)
{
	/* Not only as many as its pipe holds: a program can make that larger. */
	if (!taken_room(packets))
		return 0;
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
