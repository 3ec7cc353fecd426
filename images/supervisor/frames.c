#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

enum {
	INBOX_SIZE = HEADER_SIZE + MAX_PAYLOAD,
	OUTBOX_SIZE = 4 * MAX_CHUNK,
	OUTBOX_RESERVE = 4096, /* kept free of streams, so that credits and verdicts always fit */
	STREAM_ROOM = HEADER_SIZE + MAX_CHUNK + OUTBOX_RESERVE,
	SMALL_OUTPUT = 4096,   /* bytes; less than that may be delayed */
	FLUSH_DELAY = 10 * MILLISECOND,
};

/* In .bss: pages that a box never touches cost nothing. */
static char inbox[INBOX_SIZE];
static size_t inbox_used;
static char outbox[OUTBOX_SIZE];
static size_t outbox_start, outbox_end;
static char *growing;	/* the last frame, while more output may be added to it; or NULL */
static bool urgent;	/* a frame other than output is queued */
static bool blocked;	/* the controller must read before more can be sent */
static int64_t sent_at; /* ns */
static void (*before_exit)(void);

void
frames_put_header(char *header, enum frame_type type, size_t size)
{
	header[0] = (char)type;
	header[1] = (char)(size >> 24);
	header[2] = (char)(size >> 16);
	header[3] = (char)(size >> 8);
	header[4] = (char)size;
}

static size_t
header_size(const char *header)
{
	const unsigned char *byte = (const unsigned char *)header;

	return (size_t)byte[1] << 24 | (size_t)byte[2] << 16 | (size_t)byte[3] << 8 | byte[4];
}

_Noreturn static void
leave(int status)
{
	if (before_exit != NULL)
		before_exit();
	_exit(status);
}

void
frames_open(void (*leave_first)(void))
{
	before_exit = leave_first;
	inbox_used = outbox_start = outbox_end = 0;
	growing = NULL;
	urgent = blocked = false;
	if (fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK) < 0 ||
	    fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK) < 0)
		fault(FAULT_BOX, "the controller's streams: %s", strerror(errno));
}

size_t
frames_parse(char *data, size_t size, frame_handler *handler)
{
	size_t taken = 0;

	while (size - taken >= HEADER_SIZE) {
		size_t payload = header_size(data + taken);
		if (payload > MAX_PAYLOAD)
			fault(FAULT_BOX, "a frame of %zu bytes", payload);
		if (size - taken - HEADER_SIZE < payload)
			break;
		handler(data[taken], data + taken + HEADER_SIZE, payload);
		taken += HEADER_SIZE + payload;
	}
	return taken;
}

void
frames_read(frame_handler *handler)
{
	ssize_t got = read(STDIN_FILENO, inbox + inbox_used, sizeof inbox - inbox_used);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		leave(0);
	inbox_used += (size_t)got;
	size_t taken = frames_parse(inbox, inbox_used, handler);
	inbox_used -= taken;
	memmove(inbox, inbox + taken, inbox_used);
}

static size_t
outbox_free(void)
{
	if (outbox_start == outbox_end)
		outbox_start = outbox_end = 0;
	if (outbox_start > 0 && OUTBOX_SIZE - outbox_end < STREAM_ROOM) {
		memmove(outbox, outbox + outbox_start, outbox_end - outbox_start);
		if (growing != NULL)
			growing -= outbox_start;
		outbox_end -= outbox_start;
		outbox_start = 0;
	}
	return OUTBOX_SIZE - outbox_end;
}

bool
frames_room(void)
{
	return outbox_free() >= STREAM_ROOM;
}

void
frames_queue(enum frame_type type, const char *payload, size_t size)
{
	if (outbox_free() < HEADER_SIZE + size)
		fault(FAULT_BOX, "the controller does not read");
	frames_put_header(outbox + outbox_end, type, size);
	memcpy(outbox + outbox_end + HEADER_SIZE, payload, size);
	outbox_end += HEADER_SIZE + size;
	growing = NULL;
	urgent = true;
}

static bool
grows(enum frame_type type, size_t size)
{
	return growing != NULL && *growing == (char)type && header_size(growing) + size <= MAX_CHUNK;
}

/* Where the next `size` bytes of this output go. */
static char *
output_place(enum frame_type type, size_t size)
{
	return outbox + outbox_end + (grows(type, size) ? 0 : HEADER_SIZE);
}

/* They are there, and `kept` of them stay. */
static void
output_placed(enum frame_type type, size_t size, size_t kept)
{
	bool grow = grows(type, size);

	if (kept == 0)
		return;
	if (!grow)
		growing = outbox + outbox_end;
	frames_put_header(growing, type, (grow ? header_size(growing) : 0) + kept);
	outbox_end += (grow ? 0 : HEADER_SIZE) + kept;
}

ssize_t
frames_queue_from(enum frame_type type, int fd, size_t limit, size_t keep)
{
	ssize_t got = read(fd, output_place(type, limit), limit);

	if (got > 0)
		output_placed(type, limit, (size_t)got < keep ? (size_t)got : keep);
	return got;
}

void
frames_queue_output(enum frame_type type, const char *data, size_t size)
{
	memcpy(output_place(type, size), data, size);
	output_placed(type, size, size);
}

static bool
pending(void)
{
	return outbox_start < outbox_end;
}

void
frames_expedite(void)
{
	sent_at = 0;
}

bool
frames_blocked(void)
{
	return blocked;
}

int64_t
frames_due(void)
{
	return pending() && !blocked ? sent_at + FLUSH_DELAY : INT64_MAX;
}

void
frames_flush(bool coalesce)
{
	if (!pending() || (coalesce && !urgent && !blocked &&
			   outbox_end - outbox_start < SMALL_OUTPUT && clock_now() < frames_due()))
		return;
	blocked = false;
	while (pending() && !blocked) {
		ssize_t sent = write(STDOUT_FILENO, outbox + outbox_start, outbox_end - outbox_start);
		if (sent >= 0)
			outbox_start += (size_t)sent;
		else if (errno == EAGAIN)
			blocked = true;
		else if (errno != EINTR)
			leave(0); /* the controller is gone */
	}
	if (growing < outbox + outbox_start)
		growing = NULL; /* its header is sent */
	urgent = pending() && urgent;
	sent_at = clock_now();
}

void
fault(enum fault_kind kind, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length < 0)
		length = 0;
	if ((size_t)length >= sizeof text)
		length = (int)sizeof text - 1;

	/* The queue goes first: to cut a frame in two would break the stream. A controller that does
	 * not read for a second has its own timeout. */
	struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};
	if (OUTBOX_SIZE - outbox_end >= HEADER_SIZE + (size_t)length) {
		frames_put_header(outbox + outbox_end, (enum frame_type)kind, (size_t)length);
		memcpy(outbox + outbox_end + HEADER_SIZE, text, (size_t)length);
		outbox_end += HEADER_SIZE + (size_t)length;
	}
	do
		frames_flush(false);
	while (pending() && poll(&room, 1, 1000) > 0);
	leave(2);
}
