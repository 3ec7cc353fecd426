/*
 * Handlers: the children that serve channels. Their code is the supervisor's own loop, which runs as PID 1
 * here; as a handler one reads, sends and ends as the case says.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "../../images/supervisor/channels.h"
#include "kernel.h"

_Static_assert(HANDLERS == MAX_CHANNELS, "there is a handler for each channel");

int
fake_socketpair(int domain, int type, int protocol, int ends[2])
{
	(void)domain, (void)type, (void)protocol;
	kernel.socket_in = pipe_open();
	kernel.socket_out = pipe_open();
	ends[0] = descriptor_open(MASTER, kernel.socket_out);
	kernel.descriptors[ends[0]].typed = kernel.socket_in;
	ends[1] = descriptor_open(MASTER, kernel.socket_in);
	kernel.descriptors[ends[1]].typed = kernel.socket_out;
	return 0;
}

int
fake_shutdown(int fd, int how)
{
	(void)how;
	/* Nothing is sent after: its handler sees the end with the close. */
	require(descriptor(fd)->use == MASTER, "an end of a socket is shut down");
	kernel.activity++;
	return 0;
}

/* Only a handler's own code calls it. */
int
fake_dup2(int from, int to)
{
	(void)from, (void)to;
	require(false, "the supervisor keeps its descriptors");
	return -1;
}

pid_t
handler_start(void)
{
	for (pid_t entry = 0; entry < HANDLERS; entry++) {
		struct handler *handler = &kernel.handlers[entry];
		if (handler->alive || handler->zombie || handler->holds)
			continue;
		*handler = (struct handler){.alive = true,
					    .holds = true,
					    .in = kernel.socket_in,
					    .out = kernel.socket_out};
		handler->in->readers++;
		handler->out->writers++;
		kernel.socket_in = NULL;
		controller_channel_opened();
		return FIRST_HANDLER_PID + entry;
	}
	require(false, "handlers are reaped");
	return -1;
}

struct handler *
handler_of(pid_t pid)
{
	require(pid >= FIRST_HANDLER_PID && pid < FIRST_HANDLER_PID + HANDLERS, "a handler is a child");
	return &kernel.handlers[pid - FIRST_HANDLER_PID];
}

void
handler_end(struct handler *handler, bool is_held)
{
	if (handler->alive) {
		handler->alive = false;
		handler->zombie = true;
		kernel.child_signal = true;
	}
	if (handler->holds && !is_held) {
		handler->holds = false;
		handler->in->readers--;
		handler->out->writers--;
	}
	kernel.activity++;
}

bool
handlers_end_one(void)
{
	for (int entry = 0; entry < HANDLERS; entry++) {
		if (kernel.handlers[entry].alive || kernel.handlers[entry].holds) {
			handler_end(&kernel.handlers[entry], false);
			return true;
		}
	}
	return false;
}
