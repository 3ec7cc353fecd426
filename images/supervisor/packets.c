#include "packets.h"

#include <fcntl.h>

#include "full_pipe.h"
#include "long_writes.h"
#include "order.h"

bool
packets_open(struct packets *packets, int fd, char *taken)
{
	int size = fcntl(fd, F_GETPIPE_SZ);

	*packets = (struct packets){.fd = fd, .taken = taken};
	if (size <= 0 || !order_watch(fd) || !taken_open((size_t)size))
		return false;
	packets->capacity = (size_t)size / page_size();
	return true;
}

void
packets_close(void)
{
	taken_close();
}

bool
packets_left(const struct packets *packets)
{
	return packets->next < packets->count;
}

static void
reset(struct packets *packets)
{
	packets->next = packets->count = 0;
	packets->start = packets->end = 0;
	packets->writes = packets->late = 0;
	packets->run = 0;
	packets->alone = false;
}

void
packets_take(struct packets *packets)
{
	if (packets->capacity == 0 || packets_left(packets))
		return;
	reset(packets);
	read_moved(packets, move_packets(packets));
}

ssize_t
packets_queue(struct packets *packets, enum frame_type type, size_t limit, size_t keep)
{
	if (!packets_left(packets))
		return frames_queue_from(type, packets->fd, limit, keep);
	size_t size = packets->sizes[packets->next++];
	size_t got = size < limit ? size : limit;

	if (keep > 0)
		frames_queue_output(type, packets->taken + packets->start, got < keep ? got : keep);
	packets->start += size;
	return (ssize_t)got;
}

bool
packets_continue(struct packets *packets, size_t size)
{
	/* The rest of a write that waits for room comes with another signal. */
	return packets_left(packets) && long_writes_continue(packets, size / page_size());
}

void
packets_signalled(struct packets *packets)
{
	if (packets_left(packets)) {
		packets->writes -= packets->writes > 0;
		return;
	}
	reset(packets);
	struct fill fills[MAX_FILLS];
	full_pipe_take(packets, fills);
	if (long_writes_any(packets))
		long_writes_count(packets);
	else
		full_pipe_settle(packets, fills);
}

size_t
packets_settle(struct packets *packets)
{
	size_t settled = packets->writes;

	if (packets_left(packets) || settled == 0)
		return 0;
	order_drop(packets->fd, 0, settled);
	packets->writes = 0;
	return settled;
}
