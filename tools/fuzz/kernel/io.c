/* read() and write(): of the controller's streams, of pipes, of the signal descriptor. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
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

static ssize_t
read_signals(struct signalfd_siginfo *signals, size_t size)
{
	size_t count = 0;

	memset(signals, 0, size);
	if (kernel.signal_overflow && size >= sizeof *signals)
		signals[count++].ssi_signo = SIGIO;
	kernel.signal_overflow = false;
	size_t taken = 0;
	while (taken < kernel.signal_count && (count + 1) * sizeof *signals <= size) {
		signals[count].ssi_signo = (uint32_t)SIGRTMIN;
		signals[count++].ssi_fd = kernel.signals[taken++];
	}
	if (count == 0)
		return fail(EAGAIN);
	kernel.signal_count -= taken;
	memmove(kernel.signals, kernel.signals + taken, kernel.signal_count * sizeof *kernel.signals);
	kernel.activity++;
	return (ssize_t)(count * sizeof *signals);
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
	if (from->use == SIGNALS)
		return read_signals(buffer, size);
	if (from->use == TABLE)
		return table_read(from, buffer, size);
	require(from->use == READS || from->use == MASTER, "what is read is an end to read from");
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
fake_splice(int from_fd, off_t *from_offset, int to_fd, off_t *to_offset, size_t size, unsigned flags)
{
	struct descriptor *from = descriptor(from_fd), *to = descriptor(to_fd);
	size_t moved = 0;

	(void)from_offset, (void)to_offset, (void)flags;
	require(from->use == READS && to->use == WRITES, "packets go from a pipe to a pipe");
	require(to->pipe->used == 0 || to->pipe->direct == from->pipe->direct,
		"packets are moved to packets");
	to->pipe->direct = from->pipe->direct;
	while (from->pipe->used > 0 && moved < size && !pipe_full(to->pipe)) {
		char packet[PIPE_SIZE];
		size_t got = pipe_take(from->pipe, packet, sizeof packet);
		moved += pipe_put(to->pipe, packet, got);
	}
	if (moved == 0)
		return from->pipe->writers == 0 ? 0 : fail(EAGAIN);
	kernel.activity++;
	return (ssize_t)moved;
}

ssize_t
fake_write(int fd, const void *buffer, size_t size)
{
	if (kernel.writer.running)
		return (ssize_t)size;
	struct descriptor *to = descriptor(fd);
	if (fd == STDOUT_FILENO)
		return write_controller(buffer, size);
	require(to->use == WRITES || to->use == MASTER, "what is written to is an end to write to");
	struct pipe *pipe = to->use == MASTER ? to->typed : to->pipe;
	if (kernel.writer.alive && !to->nonblocking)
		return write_to_writer(buffer, size);
	require(to->nonblocking, "only ppoll() waits");
	if (pipe->readers == 0)
		return fail(EPIPE);
	size_t put = pipe_put(pipe, buffer, size);
	if (put == 0)
		return fail(EAGAIN);
	kernel.activity++;
	return (ssize_t)put;
}
