/* The events of a case, see fake_kernel.h. */
#include <string.h>

#include "kernel.h"

/* Up to three bytes, big-endian. */
static size_t
number(const uint8_t *bytes, size_t size)
{
	size_t value = 0;

	for (size_t at = 0; at < size && at < 3; at++)
		value = value << 8 | bytes[at];
	return value;
}

/* Turn any two bytes into a status that wait(2) can give. */
static int
wait_status(size_t value)
{
	int signal_number = value & 0x7f;

	return signal_number != 0 && signal_number <= 64 ? signal_number : (int)(value & 0xff00);
}

static void
controller_sends(const void *bytes, size_t size)
{
	if (size > MAX_SENT - kernel.controller.sent)
		size = MAX_SENT - kernel.controller.sent;
	if (bytes == NULL)
		memset(controller_bytes + kernel.controller.sent, 0, size);
	else
		memcpy(controller_bytes + kernel.controller.sent, bytes, size);
	kernel.controller.sent += size;
}

/* What has no room is lost: a write that fails, which makes a signal all the same. */
static void
program_writes(struct pipe *pipe, const void *bytes, size_t size)
{
	size_t put = pipe_put(pipe, bytes, size);

	controller_output_written(pipe == kernel.program.err && pipe != kernel.program.out, bytes, put);
	pipe_signal(pipe);
}

static void
handler_does(struct handler *handler, char type, const uint8_t *bytes, size_t size)
{
	if (!handler->alive)
		return;
	if (type == 'h')
		pipe_put(handler->out, bytes, size);
	else if (type == 'b')
		pipe_take(handler->in, NULL, PIPE_SIZE);
	else
		handler_end(handler, size > 0);
}

static void
happen(char type, const uint8_t *bytes, size_t size)
{
	bool alive = kernel.program.alive;

	switch (type) {
	case 'i':
		controller_sends(bytes, size);
		break;
	case 'z':
		controller_sends(NULL, number(bytes, size));
		break;
	case 'g':
		kernel.controller.limited = size > 0;
		kernel.controller.accepts = number(bytes, size);
		break;
	case 'q':
		kernel.controller.gone = true;
		break;
	case 'o':
	case 'e':
		if (alive)
			program_writes(type == 'o' ? kernel.program.out : kernel.program.err, bytes, size);
		break;
	case 's':
		if (alive)
			pipe_signal(size == 0 ? kernel.program.out : kernel.program.err);
		break;
	case 'l':
		kernel.signals_lost = size == 0;
		break;
	case 'r':
		if (alive && size > 0)
			pipe_take(kernel.program.in, NULL, number(bytes, size));
		else if (alive)
			program_close_stdin();
		break;
	case 'x':
		program_end(wait_status(number(bytes, size)));
		break;
	case 'k':
		kernel.orphans++;
		kernel.child_signal = true;
		break;
	case 'n':
		if (alive) {
			pipe_put(kernel.program.error, size == 0 ? "scat: ENOENT" : "xcat: ENOMEM", 12);
			program_end(127 << 8);
		}
		break;
	case 'w':
		kernel.writer.disk_full = true;
		break;
	case 'u':
		if (alive) {
			kernel.residue = (unsigned)number(bytes, size < 1 ? size : 1) & RESIDUES;
			kernel.levels = size < 2 ? 0 : bytes[1];
		}
		break;
	case 'f':
		if (kernel.collector.alive)
			pipe_put(kernel.collector.out, bytes, size);
		break;
	case 'a':
		collector_end(wait_status(number(bytes, size)));
		break;
	case 'h':
	case 'b':
	case 'j':
		if (size > 0)
			handler_does(&kernel.handlers[bytes[0] % HANDLERS], type, bytes + 1, size - 1);
		break;
	case 'y':
		kernel.fork_fails = true;
		break;
	case 'v':
		kernel.residue = 0;
		break;
	case 'm':
		if (!alive)
			break;
		kernel.usage = (int64_t)number(bytes, size < 2 ? size : 2) << 16;
		kernel.table = bytes + (size < 2 ? size : 2);
		kernel.table_size = size < 2 ? 0 : size - 2;
		break;
	case 't':
		kernel.clock += (int64_t)number(bytes, size) * 1000000;
		break;
	default:
		return;
	}
	kernel.activity++;
}

bool
next_events(void)
{
	while (kernel.events_left >= 3) {
		char type = (char)(kernel.events[0] | 0x20);
		bool together = (kernel.events[0] & 0x20) == 0;
		size_t size = number(kernel.events + 1, 2);
		if (size > kernel.events_left - 3)
			size = kernel.events_left - 3;
		happen(type, kernel.events + 3, size);
		kernel.events += 3 + size;
		kernel.events_left -= 3 + size;
		if (!together)
			return true;
	}
	return false;
}
