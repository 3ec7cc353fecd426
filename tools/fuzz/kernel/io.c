/* read() and write(): of the controller's streams, of pipes, of the signal descriptor. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"

static ssize_t
read_as_writer(void *buffer, size_t size)
{
	size_t left = kernel.writer.received - kernel.writer.read;

	if (size > left)
		size = left;
	memcpy(buffer, writer_bytes + kernel.writer.read, size);
	kernel.writer.read += size;
	return (ssize_t)size;
}

static ssize_t
read_controller(void *buffer, size_t size)
{
	size_t waiting = kernel.controller.sent - kernel.controller.received;

	if (waiting == 0)
		return kernel.controller.gone ? 0 : fail(EAGAIN);
	if (size > waiting)
		size = waiting;
	memcpy(buffer, controller_bytes + kernel.controller.received, size);
	kernel.controller.received += size;
	kernel.activity++;
	return (ssize_t)size;
}

static ssize_t
read_signal(size_t size)
{
	if (!kernel.child_signal)
		return fail(EAGAIN);
	kernel.child_signal = false;
	kernel.activity++;
	return (ssize_t)size;
}

ssize_t
fake_read(int fd, void *buffer, size_t size)
{
	if (kernel.writer.running)
		return read_as_writer(buffer, size);
	struct descriptor *from = descriptor(fd);
	if (fd == STDIN_FILENO)
		return read_controller(buffer, size);
	if (from->use == CHILDREN)
		return read_signal(size);
	if (from->use == TABLE)
		return table_read(from, buffer, size);
	require(from->use == READS, "what is read is an end to read from");
	if (kernel.writer.alive && from->pipe == kernel.writer.error)
		writer_run();
	if (from->pipe->used == 0 && from->pipe->writers > 0) {
		require(from->nonblocking, "only ppoll() waits");
		return fail(EAGAIN);
	}
	if (from->pipe->used > 0)
		kernel.activity++;
	return (ssize_t)pipe_take(from->pipe, buffer, size);
}

static ssize_t
write_controller(const void *buffer, size_t size)
{
	if (kernel.controller.gone)
		return fail(EPIPE);
	if (kernel.controller.limited && size > kernel.controller.accepts)
		size = kernel.controller.accepts;
	if (size == 0)
		return fail(EAGAIN);
	kernel.controller.accepts -= kernel.controller.limited ? size : 0;
	controller_receive(buffer, size);
	kernel.activity++;
	return (ssize_t)size;
}

static ssize_t
write_to_writer(const void *buffer, size_t size)
{
	if (writer_failed())
		return fail(EPIPE);
	require(kernel.writer.received + size <= sizeof writer_bytes, "a case is short");
	memcpy(writer_bytes + kernel.writer.received, buffer, size);
	kernel.writer.received += size;
	return (ssize_t)size;
}

ssize_t
fake_write(int fd, const void *buffer, size_t size)
{
	if (kernel.writer.running)
		return (ssize_t)size;
	struct descriptor *to = descriptor(fd);
	if (fd == STDOUT_FILENO)
		return write_controller(buffer, size);
	require(to->use == WRITES, "what is written to is an end to write to");
	if (kernel.writer.alive && !to->nonblocking)
		return write_to_writer(buffer, size);
	require(to->nonblocking, "only ppoll() waits");
	if (to->pipe->readers == 0)
		return fail(EPIPE);
	size_t put = pipe_put(to->pipe, buffer, size);
	if (put == 0)
		return fail(EAGAIN);
	kernel.activity++;
	return (ssize_t)put;
}
