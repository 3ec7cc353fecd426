#include "long_writes.h"

#include <poll.h>
#include <stdint.h>

#include "order.h"
#include "taken.h"

enum { MAX_LOOKS = 16 };

bool
long_writes_any(const struct packets *packets)
{
	for (size_t at = packets->next; at < packets->count; at++)
		if (packets->sizes[at] == page_size())
			return true;
	return false;
}

static void
note_usual(struct packets *packets)
{
	size_t writes = 1 + packets->writes;
	bool all_full = packets->end == packets->count * page_size();

	if (packets->count < packets->capacity && all_full && packets->count % writes == 0)
		packets->usual = packets->count / writes;
}

/* A packet is there a moment before its signal, and the writer goes on meanwhile: so take and count
 * until nothing new has come since the last look, and the signals of all that was there then have. */
void
long_writes_count(struct packets *packets)
{
	for (int looks = 0; looks < MAX_LOOKS && taken_room(packets); looks++) {
		size_t least = count_signals(packets);
		size_t moved = move_packets(packets);
		size_t most = count_signals(packets);
		short events = poll_packets(packets);
		read_moved(packets, packets->end + moved);
		if (moved == 0 && !(events & POLLIN)) {
			packets->writes = most - ((events & POLLHUP) && most > 0);
			packets->late = 0;
			note_usual(packets);
			return;
		}
		packets->writes = least;
		packets->late = most - least;
	}
	/* The writer is too fast. Signals of writes that wait for room may be among these. */
	if (packets->writes >= packets->count)
		packets->writes = packets->count - 1;
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
find_run(const struct packets *packets, size_t full)
{
	size_t partial = 0;

	for (size_t at = packets->next; at < packets->count; at++)
		*(packets->sizes[at] == page_size() ? &full : &partial) += 1;
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
long_writes_continue(struct packets *packets, size_t full)
{
	if (!packets->alone) {
		order_read();
		packets->alone = order_only(packets->fd);
	}
	if (packets->alone)
		return true;
	if (packets->run == 0)
		packets->run = find_run(packets, full);
	if (packets->run < SIZE_MAX)
		packets->usual = packets->run;
	return full < packets->run;
}
