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

static struct pipe *
pipe_open(void)
{
	for (struct pipe *pipe = pipes; pipe < pipes + PIPES; pipe++) {
		if (pipe->readers == 0 && pipe->writers == 0) {
			pipe->used = 0;
			pipe->readers = pipe->writers = 1;
			return pipe;
		}
	}
	require(false, "pipes are closed");
	return NULL;
}

size_t
pipe_put(struct pipe *pipe, const void *data, size_t size)
{
	size_t room = PIPE_SIZE - pipe->used;

	if (pipe->readers == 0)
		return 0;
	if (size > room)
		size = room;
	memcpy(pipe->data + pipe->used, data, size);
	pipe->used += size;
	return size;
}

size_t
pipe_take(struct pipe *pipe, void *data, size_t size)
{
	if (size > pipe->used)
		size = pipe->used;
	if (data != NULL)
		memcpy(data, pipe->data, size);
	pipe->used -= size;
	memmove(pipe->data, pipe->data + size, pipe->used);
	return size;
}

int
fake_pipe2(int ends[2], int flags)
{
	struct pipe *pipe = pipe_open();

	kernel.pipe_opened = true;
	ends[0] = descriptor_open(READS, pipe);
	ends[1] = descriptor_open(WRITES, pipe);
	kernel.descriptors[ends[0]].nonblocking = kernel.descriptors[ends[1]].nonblocking =
		(flags & O_NONBLOCK) != 0;
	/* The last one before a fork is that of the child's error. */
	kernel.program.error = kernel.writer.error = pipe;
	return 0;
}

int
fake_socketpair(int domain, int type, int protocol, int ends[2])
{
	(void)domain, (void)type, (void)protocol;
	ends[0] = descriptor_open(OFFER, NULL);
	ends[1] = descriptor_open(OFFER, NULL);
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
	closed->use = CLOSED;
	kernel.activity++;
	return 0;
}

/* Only the ends that a program gets are opened to it, in the order of their numbers. */
int
fake_fchmod(int fd, mode_t mode)
{
	(void)mode;
	require(kernel.program_pipe_count < 3, "a program has three pipes");
	kernel.program_pipes[kernel.program_pipe_count++] = descriptor(fd)->pipe;
	return 0;
}

int
fake_fcntl(int fd, int command, ...)
{
	va_list arguments;

	if (command != F_SETFL)
		return 0;
	va_start(arguments, command);
	descriptor(fd)->nonblocking = (va_arg(arguments, int) & O_NONBLOCK) != 0;
	va_end(arguments);
	return 0;
}
