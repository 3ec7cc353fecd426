#include "channels.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "frames.h"
#include "small_file.h"
#include "sockets.h"

enum {
	/* How long a handler may take to read what is sent to it, and to end after its channel is
	 * closed. It always reads, unless it waits for a writer that somebody has stopped. */
	PATIENCE_MS = 5000,
};

static struct channel {
	uint32_t number;
	pid_t handler;	 /* 0 once it is reaped */
	int fd;		 /* our end of its socket; -1 for a free entry */
	size_t room;	 /* bytes that may be sent to the controller */
	int64_t ends_at; /* ns: then a handler whose channel is closed is killed; INT64_MAX before */
} channels[MAX_CHANNELS];

static bool used;
static uint32_t last; /* the number of the newest channel */

bool
channels_used(void)
{
	return used;
}

static uint32_t
number_of(const char *payload, size_t size)
{
	const unsigned char *byte = (const unsigned char *)payload;

	if (size < CHANNEL_HEADER_SIZE)
		fault(FAULT_BOX, "a frame of a channel without its number");
	return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
}

/* Queue bytes of a channel, after `room` for their number; none of them means that it has ended. */
static void
answer(uint32_t number, char *payload, size_t size)
{
	payload[0] = (char)(number >> 24);
	payload[1] = (char)(number >> 16);
	payload[2] = (char)(number >> 8);
	payload[3] = (char)number;
	frames_queue(FRAME_ANSWER, payload, CHANNEL_HEADER_SIZE + size);
}

/* The box's processes leave no room for a handler: that is the matter of those who started them. */
static void
answer_no_handler(uint32_t number, const char *reason)
{
	char payload[CHANNEL_HEADER_SIZE + HEADER_SIZE + 256];
	char *text = payload + CHANNEL_HEADER_SIZE + HEADER_SIZE;

	strcpy(text, "no process is left for it: ");
	strncat(text, reason, 200);
	frames_put_header(payload + CHANNEL_HEADER_SIZE, FRAME_FAULT_COMMAND, strlen(text));
	answer(number, payload, HEADER_SIZE + strlen(text));
	answer(number, payload, 0);
}

static struct channel *
find(uint32_t number)
{
	for (size_t at = 0; at < MAX_CHANNELS; at++)
		if (channels[at].fd >= 0 && channels[at].number == number)
			return &channels[at];
	return NULL;
}

static struct channel *
find_free(void)
{
	for (size_t at = 0; at < MAX_CHANNELS; at++)
		if (channels[at].fd < 0)
			return &channels[at];
	fault(FAULT_BOX, "more than %d channels at once", MAX_CHANNELS);
}

static void
begin(void)
{
	if (used)
		return;
	used = true;
	for (size_t at = 0; at < MAX_CHANNELS; at++)
		channels[at].fd = -1;
	/* Handlers can't bound the sockets of processes that no stage has. */
	sockets_start(clock_now());
}

/* In the child. Another channel ends when the last descriptor of its socket is closed. */
static void
become_handler(int socket, void (*serve)(void))
{
	for (size_t at = 0; at < MAX_CHANNELS; at++)
		if (channels[at].fd >= 0)
			close(channels[at].fd);
	used = false;
	if (dup2(socket, STDIN_FILENO) < 0 || dup2(socket, STDOUT_FILENO) < 0)
		_exit(2);
	close(socket);
	serve();
}

static struct channel *
open_channel(uint32_t number, void (*serve)(void))
{
	struct channel *channel = find_free();
	int ends[2];

	last = number;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
	    fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK) < 0)
		fault(FAULT_BOX, "channel: %s", strerror(errno));
	pid_t handler = fork();
	if (handler == 0) {
		close(ends[0]);
		become_handler(ends[1], serve);
	}
	close(ends[1]);
	if (handler < 0) {
		answer_no_handler(number, strerror(errno));
		close(ends[0]);
		return NULL;
	}
	*channel = (struct channel){.number = number,
				    .handler = handler,
				    .fd = ends[0],
				    .room = CHANNEL_WINDOW,
				    .ends_at = INT64_MAX};
	return channel;
}

static void
kill_handler(const struct channel *channel)
{
	char path[64], children[4096], *at = children, *end;
	pid_t child;

	/* Until it is reaped its number can't have gone to another. */
	if (channel->handler <= 0)
		return;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", channel->handler, channel->handler);
	small_file_read(path, children, sizeof children);
	kill(channel->handler, SIGKILL);
	/* One that waits for the lock of a pipe, see watchdog.h, can't die before its program. */
	for (; (child = (pid_t)strtol(at, &end, 10)) > 1; at = end)
		kill(child, SIGKILL);
}

static void
pass_on(const struct channel *channel, const char *data, size_t size)
{
	struct pollfd polled[] = {
		{.fd = channel->fd, .events = POLLOUT},
		{.fd = STDIN_FILENO, .events = POLLRDHUP},
	};

	while (size > 0) {
		ssize_t sent = write(channel->fd, data, size);
		if (sent >= 0) {
			data += sent;
			size -= (size_t)sent;
		} else if (errno == EAGAIN) {
			int ready = poll(polled, 2, PATIENCE_MS);
			if (ready > 0 && polled[1].revents != 0 && polled[0].revents == 0)
				_exit(0); /* the controller is gone */
			if (ready == 0) {
				/* And no more waits, which its stopped child would cost each. */
				kill_handler(channel);
				shutdown(channel->fd, SHUT_WR);
				return;
			}
		} else if (errno != EINTR) {
			return; /* it has ended */
		}
	}
}

void
channels_receive(const char *payload, size_t size, void (*serve)(void))
{
	uint32_t number = number_of(payload, size);
	struct channel *channel;

	begin();
	channel = find(number);
	if (channel == NULL && number == last + 1)
		channel = open_channel(number, serve);
	else if (channel == NULL && (number > last || number == 0))
		fault(FAULT_BOX, "a channel with a number that is not the next");
	if (channel == NULL)
		return; /* it has ended meanwhile */
	if (size > CHANNEL_HEADER_SIZE) {
		pass_on(channel, payload + CHANNEL_HEADER_SIZE, size - CHANNEL_HEADER_SIZE);
	} else if (channel->ends_at == INT64_MAX) {
		shutdown(channel->fd, SHUT_WR);
		channel->ends_at = clock_now() + PATIENCE_MS * (int64_t)MILLISECOND;
	}
}

void
channels_consumed(const char *payload, size_t size)
{
	struct channel *channel = used ? find(number_of(payload, size)) : NULL;

	if (size != 2 * CHANNEL_HEADER_SIZE)
		fault(FAULT_BOX, "a consumed frame holds two numbers");
	if (channel == NULL)
		return;
	size_t consumed = number_of(payload + CHANNEL_HEADER_SIZE, CHANNEL_HEADER_SIZE);
	if (consumed > CHANNEL_WINDOW - channel->room)
		fault(FAULT_BOX, "more was consumed than was sent");
	channel->room += consumed;
}

size_t
channels_poll(struct pollfd polled[MAX_CHANNELS])
{
	size_t count = 0;

	for (size_t at = 0; used && at < MAX_CHANNELS; at++)
		if (channels[at].fd >= 0 && channels[at].room > 0 && frames_room())
			polled[count++] = (struct pollfd){.fd = channels[at].fd, .events = POLLIN};
	return count;
}

bool
channels_timeout(struct timespec *timeout)
{
	int64_t next;

	if (!used)
		return false;
	next = sockets_due();
	for (size_t at = 0; at < MAX_CHANNELS; at++)
		if (channels[at].fd >= 0 && channels[at].ends_at < next)
			next = channels[at].ends_at;
	if (next == INT64_MAX)
		return false;
	*timeout = clock_until(next);
	return true;
}

/* Queue what the handler has sent. Its children have its socket, too, and may outlive it: so the
 * channel ends when there is nothing left of a handler that is reaped. */
static void
transfer(struct channel *channel)
{
	static char payload[CHANNEL_HEADER_SIZE + MAX_CHUNK];

	while (channel->room > 0 && frames_room()) {
		size_t most = MAX_CHUNK - CHANNEL_HEADER_SIZE;
		ssize_t got = read(channel->fd, payload + CHANNEL_HEADER_SIZE,
				   channel->room < most ? channel->room : most);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN && channel->handler != 0)
			return;
		if (got <= 0) {
			kill_handler(channel);
			close(channel->fd);
			channel->fd = -1;
			answer(channel->number, payload, 0);
			return;
		}
		channel->room -= (size_t)got;
		answer(channel->number, payload, (size_t)got);
	}
}

void
channels_transfer(void)
{
	for (size_t at = 0; used && at < MAX_CHANNELS; at++)
		if (channels[at].fd >= 0)
			transfer(&channels[at]);
}

void
channels_reap(void)
{
	pid_t pid;

	/* Handlers, and what they have left in the background. */
	while (used && ((pid = waitpid(-1, NULL, WNOHANG)) > 0 || (pid < 0 && errno == EINTR)))
		for (size_t at = 0; pid > 0 && at < MAX_CHANNELS; at++)
			if (channels[at].fd >= 0 && channels[at].handler == pid)
				channels[at].handler = 0;
}

void
channels_check(void)
{
	int64_t now;

	if (!used)
		return;
	now = clock_now();
	if (sockets_check(now))
		fault(FAULT_BOX, "the queues of sockets take more memory than the limit");
	for (size_t at = 0; at < MAX_CHANNELS; at++)
		if (channels[at].fd >= 0 && channels[at].ends_at <= now) {
			kill_handler(&channels[at]);
			channels[at].ends_at = INT64_MAX;
		}
}
