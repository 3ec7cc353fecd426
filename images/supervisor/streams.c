/*
 * For each signal, in their order, one write is transferred from its pipe; see order.h and packets.h.
 *
 * Many writes. A signal costs the program as much as a small write. Once it has made MANY_WRITES to
 * one stream without a pause, that stream is *quiet*: it has no signals until the other is written
 * to, or until there is a pause. A write to the other that ends the quiet comes after all that the
 * quiet pipe holds: at most as many writes too late as that holds packets, twice.
 *
 * What has no signal is transferred after a while: see order.h for why there may be none.
 */
#include "streams.h"

#include <errno.h>
#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include "clock.h"
#include "frames.h"
#include "order.h"
#include "packets.h"
#include "taken.h"

enum {
	/* Between two transfers of a program that writes all the time: to be woken for each write
	 * costs it, and us, more than the write. */
	REST = 50 * MICROSECOND,
	PAUSE = 2 * MILLISECOND, /* without a write: it does not write all the time */
	MANY_WRITES = 1000, MANY_AT_ONCE = 16,
	/* How long output waits for its signal. poll() may wake us before the signal is queued, and
	 * then the scheduler let the writer wait. */
	PATIENCE = 10 * MILLISECOND,
	MAX_MISSING = 8, /* signals, until the kernel counts as one that has none for each write */
};

struct stream {
	int fd; /* -1 at its end */
	enum frame_type type;
	size_t left;	   /* bytes until the cap */
	enum limit limit;  /* crossed if more than that come */
	bool over;	   /* it is crossed: nothing more is read */
	struct packets packets;
	size_t unfinished; /* bytes of a write for whose rest there was no room */
	size_t capacity;   /* packets that either holds */
};

static struct stream out = {.fd = -1}, err = {.fd = -1};
static enum limit exceeded;
static char taken[2][TAKEN_SIZE]; /* in .bss: only what is used of it is memory */

static size_t read_size;      /* bytes: no read gives more */
static bool ordered;	      /* signals give the order of writes */
static struct stream *quiet;  /* the stream that has no signals for now, or NULL */
static bool quiet_ends;	      /* what it has is taken, and the next has signals */
static struct stream *latest; /* the stream last written to, */
static size_t writes;	      /* and its writes since the other's last, or since a pause */
static int64_t transferred;   /* ns: when writes were last transferred */
static int64_t resting;	      /* ns: until when writes may accumulate; 0 if none may */
static int64_t unsignalled;   /* ns: until when output without a signal waits for one; 0 if none is */
static bool stalled;	      /* the controller must read before more is transferred */
static bool ending;	      /* all writers are dead */
static bool proven;	      /* a signal has come, in any stage */
static unsigned missing;      /* signals that did not come, in all stages */

static void
close_stream(struct stream *stream)
{
	if (stream->fd < 0)
		return;
	close(stream->fd);
	stream->fd = -1;
	if (stream == quiet)
		quiet = NULL;
}

void
streams_open(int out_fd, size_t out_cap, int err_fd, size_t err_cap, bool packets)
{
	out = (struct stream){.fd = out_fd,
			      .type = FRAME_STDOUT,
			      .left = out_cap,
			      .limit = LIMIT_STDOUT,
			      .packets = {.fd = out_fd}};
	err = (struct stream){.fd = err_fd,
			      .type = FRAME_STDERR,
			      .left = err_cap,
			      .limit = LIMIT_STDERR,
			      .packets = {.fd = err_fd}};
	exceeded = LIMIT_NONE;
	read_size = packets ? page_size() : MAX_CHUNK;
	ordered = packets && missing < MAX_MISSING && packets_open(&out.packets, out_fd, taken[0]) &&
		  packets_open(&err.packets, err_fd, taken[1]);
	quiet = latest = NULL;
	writes = 0;
	stalled = quiet_ends = ending = false;
	transferred = resting = unsignalled = 0;
}

void
streams_close(void)
{
	close_stream(&err);
	close_stream(&out);
	packets_close();
	order_reset();
}

static int
pollable(const struct stream *stream)
{
	/* A write wakes those that poll its pipe before it queues its signal, and a writer that then
	 * loses the processor to us would leave a packet without one: so signals alone are polled, once
	 * it is known that they come. */
	bool signals = ordered && proven && stream != quiet && !ending;
	bool waits = resting != 0 || unsignalled != 0 || stream->over || !frames_room();

	return signals || waits ? -1 : stream->fd;
}

int
streams_out_fd(void)
{
	return pollable(&out);
}

int
streams_err_fd(void)
{
	return pollable(&err);
}

int
streams_order_fd(void)
{
	return ordered && resting == 0 ? order_fd() : -1;
}

int64_t
streams_due(void)
{
	if (resting != 0)
		return resting;
	if (!frames_room())
		return INT64_MAX;
	if (stalled)
		return 0;
	if (unsignalled != 0)
		return unsignalled;
	return quiet != NULL ? transferred + PAUSE : INT64_MAX;
}

/* Transfer the result of one read; return its size, or 0 if there is none. */
static size_t
transfer(struct stream *stream)
{
	if (stream->fd < 0 || stream->over || !frames_room())
		return 0;
	/* One byte more than the cap allows, to detect an output over it. */
	size_t limit = read_size <= stream->left ? read_size : stream->left + 1;
	packets_take(&stream->packets);
	ssize_t got = packets_queue(&stream->packets, stream->type, limit, stream->left);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		close_stream(stream);
		return 0;
	}
	if ((size_t)got > stream->left) {
		/* The pipe stays open until its writers are dead: a closed one has an error for them,
		 * of which they could write to the other stream. */
		stream->over = true;
		if (exceeded == LIMIT_NONE)
			exceeded = stream->limit;
		return 0;
	}
	stream->left -= (size_t)got;
	return (size_t)got;
}

/* Transfer all that is in the pipe. False if the controller must read first. */
static bool
drain(struct stream *stream)
{
	while (stream->fd >= 0 && !stream->over) {
		if (!frames_room())
			return false;
		if (transfer(stream) == 0)
			return true;
	}
	return true;
}

/* In which order is a guess. */
static bool
drain_both(void)
{
	return drain(&err) && drain(&out);
}

/* Transfer the packets of a write, or what is left of them after there was no room. */
static void
transfer_packets(struct stream *stream)
{
	size_t got;

	do {
		if (stream->fd >= 0 && !frames_room())
			return;
		got = transfer(stream);
		stream->unfinished += got;
	} while (got == read_size && packets_continue(&stream->packets, stream->unfinished));
	stream->unfinished = 0;
	writes += packets_settle(&stream->packets);
}

static void
transfer_write(struct stream *stream)
{
	writes = stream == latest ? writes + 1 : 1;
	latest = stream;
	packets_signalled(&stream->packets);
	transfer_packets(stream);
}

/* Transfer the writes whose signals have come; return their number. */
static size_t
transfer_signalled(void)
{
	size_t number = 0;
	int fd;

	if (out.unfinished > 0)
		transfer_packets(&out);
	if (err.unfinished > 0)
		transfer_packets(&err);
	while (frames_room() && (fd = order_next()) >= 0) {
		number++;
		proven = true;
		if (fd == out.fd)
			transfer_write(&out);
		else if (fd == err.fd)
			transfer_write(&err);
	}
	return number;
}

/* Transfer what the quiet stream's pipe holds; return the number of packets. */
static size_t
transfer_quiet(void)
{
	size_t number = 0;

	do {
		if (transfer(quiet) == 0)
			break;
		number++;
	} while (quiet != NULL && packets_left(&quiet->packets));
	return number;
}

static void
begin_quiet(struct stream *stream)
{
	order_unwatch(stream->fd);
	order_read();
	order_drop(stream->fd, 0, order_count(stream->fd));
	quiet = stream;
	quiet_ends = false;
}

/* Go back to signals: transfer what is there without them. */
static void
end_quiet(void)
{
	struct stream *stream = quiet;

	while (!quiet_ends) {
		if (packets_left(&stream->packets)) {
			if (transfer(stream) == 0)
				return;
			continue;
		}
		order_watch(stream->fd);
		packets_take(&stream->packets);
		order_drop(stream->fd, 0, stream->packets.writes);
		stream->packets.writes = 0;
		quiet_ends = true;
	}
	while (stream->fd >= 0 && packets_left(&stream->packets))
		if (transfer(stream) == 0)
			return;
	quiet = NULL;
	writes = 0;
}

static void
end_order(void)
{
	ordered = false;
	if (out.fd >= 0)
		order_unwatch(out.fd);
	if (err.fd >= 0)
		order_unwatch(err.fd);
	order_reset();
}

/* After this number of writes was transferred. */
static void
note_pace(int64_t now, size_t number)
{
	/* If there are many, it was us who did not get the processor. */
	bool pause = now - transferred >= PAUSE && number < MANY_AT_ONCE;

	transferred = now;
	if (pause) {
		writes = 0;
		return;
	}
	resting = now + REST;
	if (quiet == NULL && writes >= MANY_WRITES && latest->fd >= 0)
		begin_quiet(latest);
}

/* Whether there is output for which no signal is left. */
static bool
any_left(void)
{
	struct pollfd polled[] = {{.fd = out.fd, .events = POLLIN}, {.fd = err.fd, .events = POLLIN}};

	return packets_left(&out.packets) || packets_left(&err.packets) || poll(polled, 2, 0) > 0;
}

static void
transfer_ordered(void)
{
	int64_t now = clock_now();

	if (now < resting)
		return;
	resting = 0;
	order_read();
	/* A program that writes on to a full pipe, without waiting for room, makes signals as fast as
	 * it can. */
	if (quiet == NULL && order_flooded())
		begin_quiet(order_count(out.fd) >= order_count(err.fd) ? &out : &err);
	size_t number = 0;
	bool other = quiet != NULL && order_count(quiet == &out ? err.fd : out.fd) > 0;
	if (quiet != NULL && !quiet_ends && !other)
		number = transfer_quiet();
	if (quiet != NULL && frames_room() &&
	    (quiet_ends || other || (number == 0 && now - transferred >= PAUSE)))
		end_quiet();
	if (quiet == NULL)
		number += transfer_signalled();
	stalled = !frames_room();
	if (number > 0)
		note_pace(now, number);
	if (number > 0 || unsignalled == 0)
		unsignalled = quiet == NULL && any_left() ? now + PATIENCE : 0;
	else if (now >= unsignalled && drain_both()) {
		unsignalled = 0;
		if (++missing == MAX_MISSING)
			end_order();
	}
}

void
streams_transfer(short out_events, short err_events)
{
	if (ordered) {
		transfer_ordered();
		return;
	}
	if (out_events || err_events)
		drain(&err);
	if (out_events)
		transfer(&out);
}

bool
streams_drain(void)
{
	ending = true;
	resting = unsignalled = 0;
	if (quiet != NULL && !drain(quiet))
		return false;
	if (ordered) {
		order_read();
		transfer_signalled();
	}
	return drain_both();
}

enum limit
streams_limit(void)
{
	return exceeded;
}
