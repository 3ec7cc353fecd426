#include "full_pipe.h"

#include <poll.h>
#include <string.h>

#include "clock.h"
#include "order.h"
#include "taken.h"

enum {
	SLOW = 10 * MICROSECOND,
	MAX_LOOKS = 16,
};

struct looks {
	size_t count;
	size_t signals[MAX_LOOKS]; /* before packets were moved, the current one included */
	size_t ends[MAX_LOOKS];	   /* bytes: all that was moved until then */
};

static void
look(const struct packets *packets, struct looks *looks)
{
	size_t end = looks->count > 0 ? looks->ends[looks->count - 1] : 0;

	looks->signals[looks->count] = 1 + count_signals(packets);
	looks->ends[looks->count++] = end + move_packets(packets);
}

static void
look_often(const struct packets *packets, struct looks *looks)
{
	size_t signals = 0, before;
	bool nearly;
	int64_t begun;

	/* If the pipe is about to be full, wait until it is, or until the writer does something else:
	 * a writer that waits goes on, most likely in our place, when room is made. */
	do {
		begun = clock_now();
		before = signals;
		signals = 1 + count_signals(packets);
		nearly = signals > packets->capacity * 3 / 4 && signals <= packets->capacity;
	} while (nearly && signals != before);
	look(packets, looks);
	/* In between it may have become full, if another process ran in our place. */
	if (nearly || clock_now() - begun > SLOW)
		while (looks->count < MAX_LOOKS)
			look(packets, looks);
}

/* One more signal without a packet: of the first fill that has none yet, or of the last one. */
static void
add_waiting(struct fill fills[MAX_FILLS], size_t last)
{
	size_t at = last > 0 ? 1 : 0;

	while (at < last && fills[at].waiting > 0)
		at++;
	fills[at].waiting++;
}

void
full_pipe_take(struct packets *packets, struct fill fills[MAX_FILLS])
{
	struct looks looks = {0};
	size_t last = 0, waiting = 0, certain = 0;

	memset(fills, 0, MAX_FILLS * sizeof *fills);
	fills[0].count = 1; /* what was not seen earlier comes before all others */
	look_often(packets, &looks);
	for (size_t at = 0; at < looks.count; at++) {
		size_t before = packets->count;
		read_moved(packets, looks.ends[at]);
		if (packets->count - before >= packets->capacity && last + 1 < MAX_FILLS)
			fills[++last].count = packets->count;
		/* If our own pipe was full, not all may have been moved: then signals tell nothing. */
		if (before + packets->capacity > move_room() && packets->count >= move_room())
			continue;
		for (; looks.signals[at] > packets->count + waiting; waiting++)
			add_waiting(fills, last);
		if (at == 0 && last > 0)
			certain = waiting;
	}
	/* One may be of the end of the last writer, which comes after all others. */
	if (waiting > certain && (poll_packets(packets) & POLLHUP)) {
		while (fills[last].waiting == 0)
			last--;
		fills[last].waiting--;
	}
}

void
full_pipe_settle(const struct packets *packets, const struct fill fills[MAX_FILLS])
{
	for (size_t at = 0; at < MAX_FILLS && fills[at].count > 0; at++)
		order_drop(packets->fd, fills[at].count - 1, fills[at].waiting);
}
