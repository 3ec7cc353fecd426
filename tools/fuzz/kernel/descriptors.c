/* Descriptors and pipes. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel.h"

static struct pipe pipes[PIPES];

ssize_t
fail(int reason)
{
	errno = reason;
	return -1;
}

int
descriptor_open(int use, struct pipe *pipe)
{
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		if (kernel.descriptors[fd].use == CLOSED) {
			kernel.descriptors[fd] = (struct descriptor){.use = use, .pipe = pipe};
			return fd;
		}
	}
	require(false, "descriptors are closed");
	return -1;
}

struct descriptor *
descriptor(int fd)
{
	require(fd >= 0 && fd < DESCRIPTORS && kernel.descriptors[fd].use != CLOSED,
		"a descriptor is open while it is used");
	return &kernel.descriptors[fd];
}

void
pipes_reset(void)
{
	for (struct pipe *pipe = pipes; pipe < pipes + PIPES; pipe++)
		pipe->readers = pipe->writers = 0;
}

struct pipe *
pipe_open(void)
{
	for (struct pipe *pipe = pipes; pipe < pipes + PIPES; pipe++) {
		if (pipe->readers == 0 && pipe->writers == 0) {
			pipe->pages = PIPE_PACKETS;
			pipe->used = pipe->packet_count = 0;
			pipe->direct = false;
			pipe->readers = pipe->writers = 1;
			return pipe;
		}
	}
	require(false, "pipes are closed");
	return NULL;
}

bool
pipe_full(const struct pipe *pipe)
{
	return pipe->direct ? pipe->packet_count == pipe->pages : pipe->used == pipe->pages * PAGE;
}

/* A write to it, or the end of its last writer. */
void
pipe_signal(const struct pipe *pipe)
{
	for (int fd = 0; fd < DESCRIPTORS && !kernel.signals_lost; fd++) {
		const struct descriptor *at = &kernel.descriptors[fd];
		if (at->use != READS || at->pipe != pipe || !at->watched)
			continue;
		if (kernel.signal_count == MAX_SIGNALS)
			kernel.signal_overflow = true;
		else
			kernel.signals[kernel.signal_count++] = fd;
	}
}

static size_t
put_piece(struct pipe *pipe, const char *data, size_t size)
{
	size_t room = pipe->pages * PAGE - pipe->used;

	if (pipe->direct && size > PAGE)
		size = PAGE;
	if (size > room)
		size = room;
	memcpy(pipe->data + pipe->used, data, size);
	pipe->used += size;
	if (pipe->direct)
		pipe->packets[pipe->packet_count++] = size;
	return size;
}

size_t
pipe_put(struct pipe *pipe, const void *data, size_t size)
{
	size_t put = 0;

	if (pipe->readers == 0)
		return 0;
	while (put < size && !pipe_full(pipe))
		put += put_piece(pipe, (const char *)data + put, size - put);
	return put;
}

/* What a packet holds beyond `size` is lost. */
size_t
pipe_take(struct pipe *pipe, void *data, size_t size)
{
	size_t gone = pipe->used;

	if (pipe->direct && pipe->packet_count > 0) {
		gone = pipe->packets[0];
		pipe->packet_count--;
		memmove(pipe->packets, pipe->packets + 1, pipe->packet_count * sizeof *pipe->packets);
	} else if (size < gone) {
		gone = size;
	}
	if (size > gone)
		size = gone;
	if (data != NULL)
		memcpy(data, pipe->data, size);
	pipe->used -= gone;
	memmove(pipe->data, pipe->data + gone, pipe->used);
	return size;
}

int
fake_pipe2(int ends[2], int flags)
{
	if ((flags & O_DIRECT) != 0 && kernel.no_packets)
		return (int)fail(EINVAL);
	struct pipe *pipe = pipe_open();
	pipe->direct = (flags & O_DIRECT) != 0;
	ends[0] = descriptor_open(READS, pipe);
	ends[1] = descriptor_open(WRITES, pipe);
	kernel.descriptors[ends[0]].nonblocking = kernel.descriptors[ends[1]].nonblocking =
		(flags & O_NONBLOCK) != 0;
	/* The writer's error goes into the last one before its fork, the program's into the first that
	 * is not one of its streams. */
	kernel.writer.error = kernel.last_pipe = pipe;
	if (kernel.opened_pipes++ == kernel.program_pipe_count)
		kernel.program.error = pipe;
	return 0;
}

int
fake_close(int fd)
{
	if (kernel.writer.running)
		return 0;
	struct descriptor *closed = descriptor(fd);

	if (closed->use == READS)
		closed->pipe->readers--;
	if (closed->use == WRITES)
		closed->pipe->writers--;
	if (closed->use == MASTER) {
		closed->pipe->readers--;
		closed->typed->writers--;
	}
	if (closed->use == SLAVE) {
		closed->pipe->writers--;
		closed->typed->readers--;
	}
	/* Tables are looked at as long as a stage runs, be its limit a year. */
	if (closed->use != TABLE)
		kernel.activity++;
	closed->use = CLOSED;
	return 0;
}

/* Only the ends that a program gets are opened to it, in the order of their numbers. */
int
fake_fchmod(int fd, mode_t mode)
{
	if (kernel.writer.running)
		return 0;
	(void)mode;
	if (descriptor(fd)->use == SLAVE) {
		terminal_offer(descriptor(fd));
		return 0;
	}
	require(kernel.program_pipe_count < 3, "a program has three pipes");
	kernel.program_pipes[kernel.program_pipe_count++] = descriptor(fd)->pipe;
	return 0;
}

int
fake_fcntl(int fd, int command, ...)
{
	struct descriptor *at = descriptor(fd);
	va_list arguments;

	switch (command) {
	case F_GETFL:
		return (at->nonblocking ? O_NONBLOCK : 0) | (at->watched ? O_ASYNC : 0);
	case F_SETFL:
		va_start(arguments, command);
		int flags = va_arg(arguments, int);
		va_end(arguments);
		at->nonblocking = (flags & O_NONBLOCK) != 0;
		at->watched = (flags & O_ASYNC) != 0;
		return 0;
	case F_DUPFD_CLOEXEC:
		return terminal_end_copy(fd);
	case F_GETPIPE_SZ:
		return (int)at->pipe->pages * PAGE;
	case F_SETPIPE_SZ:
		va_start(arguments, command);
		int pipe_size = va_arg(arguments, int);
		va_end(arguments);
		if (kernel.small_pipes || pipe_size > 2 * PIPE_SIZE)
			return (int)fail(EPERM);
		at->pipe->pages = (size_t)pipe_size / PAGE;
		return pipe_size;
	default:
		return 0;
	}
}
