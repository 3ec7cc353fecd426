#include "streams.h"

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#include "frames.h"

struct stream {
	int fd; /* -1 at its end */
	enum frame_type type;
	size_t left;      /* bytes until the cap */
	enum limit limit; /* crossed if more than that come */
};

static struct stream out = {.fd = -1}, err = {.fd = -1};
static enum limit exceeded;

static void
close_stream(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

void
streams_open(int out_fd, size_t out_cap, int err_fd, size_t err_cap)
{
	out = (struct stream){out_fd, FRAME_STDOUT, out_cap, LIMIT_STDOUT};
	err = (struct stream){err_fd, FRAME_STDERR, err_cap, LIMIT_STDERR};
	exceeded = LIMIT_NONE;
}

void
streams_close(void)
{
	close_stream(&err);
	close_stream(&out);
}

static int
pollable(const struct stream *stream)
{
	return stream->fd >= 0 && frames_room() > 0 ? stream->fd : -1;
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

/* Transfer the result of one read. True if there may be more at once. */
static bool
transfer(struct stream *stream)
{
	size_t room = frames_room();

	if (stream->fd < 0 || room == 0)
		return false;
	/* One byte more than the cap allows, to detect an output over it. */
	size_t limit = room <= stream->left ? room : stream->left + 1;
	ssize_t got = frames_queue_from(stream->type, stream->fd, limit, stream->left);
	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0 || (size_t)got > stream->left) {
		if (got > 0 && exceeded == LIMIT_NONE)
			exceeded = stream->limit;
		close_stream(stream);
		return false;
	}
	stream->left -= (size_t)got;
	/* A pipe gives all it has, so less than was asked for is all. */
	return (size_t)got == limit;
}

/* Transfer all that is in the pipe. False if the controller must read first. */
static bool
drain(struct stream *stream)
{
	while (stream->fd >= 0) {
		if (frames_room() == 0)
			return false;
		if (!transfer(stream))
			return true;
	}
	return true;
}

void
streams_transfer(bool out_readable, bool err_readable)
{
	/* What poll() saw in stdout was written after anything that is now in stderr; see order.h. */
	if (out_readable || err_readable)
		drain(&err);
	if (out_readable)
		transfer(&out);
}

bool
streams_drain(void)
{
	return drain(&err) && drain(&out);
}

enum limit
streams_limit(void)
{
	return exceeded;
}
