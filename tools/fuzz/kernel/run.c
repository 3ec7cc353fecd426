#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../images/supervisor/command.h"
#include "../images/supervisor/files.h"
#include "../images/supervisor/frames.h"
#include "../images/supervisor/writer.h"
#include "owner.h"

enum {
	DESCRIPTORS = 16, /* just what a supervisor needs: one that leaks runs out of them */
	PIPES = 6,        /* the same of pipes */
	PIPE_SIZE = 1 << 16,
	SAID_MOST = 1 << 22,
	STILL_MOST = 64, /* turns of the loop in which nothing happens */
	SUPERVISOR = 1,
	WRITER = 2,
	PROGRAM = 3,
	ORPHAN = 4,
};

int supervisor_main(int argc, char **argv);

/* One direction of anything that has two ends. */
struct pipe {
	char data[PIPE_SIZE];
	size_t used;
	int readers, writers;
};

struct descriptor {
	enum { CLOSED, READS, WRITES, CHILDREN, OFFER, LISTENER } use;
	struct pipe *pipe;
	bool nonblocking;
};

static struct pipe pipes[PIPES];

static struct {
	const uint8_t *events;
	size_t left;
	unsigned long happened, before; /* counts whatever changes; and until the last turn */
	unsigned still;
	int64_t clock;
	jmp_buf exit;
	char *payload; /* of the stage that was just parsed */

	struct descriptor descriptors[DESCRIPTORS];

	struct {
		size_t said, heard;
		bool limited, gone, done;
		size_t takes;
	} owner;

	/* A child of the supervisor, and the ends it holds. */
	struct pipe *marked[3];
	size_t marks;
	struct {
		bool lives, unburied, offers, hands_over, waits, unknown;
		int status;
		int64_t born;
		struct pipe *in, *out, *err, *answer;
	} program;
	struct {
		bool lives, unburied, fails;
		int status;
		size_t told, read;
		jmp_buf exit;
		bool running;
		struct pipe *answer;
	} writer;
	unsigned orphans;
	bool child_signal;
} world;

/* What the owner has said, and what the writer was told: longer than any pipe. */
static char said[SAID_MOST];
static char told[2 * SAID_MOST];

/* Descriptors */

static int
descriptor_new(int use, struct pipe *pipe)
{
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		if (world.descriptors[fd].use == CLOSED) {
			world.descriptors[fd] = (struct descriptor){.use = use, .pipe = pipe};
			return fd;
		}
	}
	require(false, "descriptors are closed");
	return -1;
}

static struct descriptor *
descriptor(int fd)
{
	require(fd >= 0 && fd < DESCRIPTORS && world.descriptors[fd].use != CLOSED,
		"a descriptor is open while it is used");
	return &world.descriptors[fd];
}

static struct pipe *
pipe_new(void)
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

static size_t
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

static size_t
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

static ssize_t
fail(int reason)
{
	errno = reason;
	return -1;
}

int
world_pipe2(int ends[2], int flags)
{
	struct pipe *pipe = pipe_new();

	ends[0] = descriptor_new(READS, pipe);
	ends[1] = descriptor_new(WRITES, pipe);
	world.descriptors[ends[0]].nonblocking = world.descriptors[ends[1]].nonblocking =
		(flags & O_NONBLOCK) != 0;
	/* The last one before a fork is the way of a child's last words. */
	world.program.answer = world.writer.answer = pipe;
	return 0;
}

int
world_socketpair(int domain, int type, int protocol, int ends[2])
{
	(void)domain, (void)type, (void)protocol;
	ends[0] = descriptor_new(OFFER, NULL);
	ends[1] = descriptor_new(OFFER, NULL);
	return 0;
}

int
world_close(int fd)
{
	if (world.writer.running)
		return 0;
	struct descriptor *closed = descriptor(fd);

	if (closed->use == READS)
		closed->pipe->readers--;
	if (closed->use == WRITES)
		closed->pipe->writers--;
	closed->use = CLOSED;
	world.happened++;
	return 0;
}

/* Only the ends that a program gets are opened to it, in the order of their numbers. */
int
world_fchmod(int fd, mode_t mode)
{
	(void)mode;
	require(world.marks < 3, "a program has three pipes");
	world.marked[world.marks++] = descriptor(fd)->pipe;
	return 0;
}

int
world_fcntl(int fd, int command, ...)
{
	va_list arguments;

	if (command != F_SETFL)
		return 0;
	va_start(arguments, command);
	descriptor(fd)->nonblocking = (va_arg(arguments, int) & O_NONBLOCK) != 0;
	va_end(arguments);
	return 0;
}

/* The writer, run when its last words are waited for */

static bool
writer_failed(void)
{
	struct passed first;

	if (!world.writer.fails || world.writer.told < sizeof first)
		return false;
	memcpy(&first, told, sizeof first);
	return world.writer.told >= sizeof first + first.size;
}

static void
writer_run(void)
{
	const struct identity identity = {.uid = 20000, .workdir = "/box"};

	world.writer.running = true;
	if (setjmp(world.writer.exit) == 0)
		writer_main(&identity, -1, -1);
	world.writer.running = world.writer.lives = false;
	world.writer.answer->writers--;
	world.writer.unburied = true;
}

int
world_open(const char *path, int flags, ...)
{
	(void)flags;
	if (!world.writer.running)
		return (int)fail(ENOENT); /* no counters of a cgroup, see cgroup.c */
	require(strlen(path) <= FRAME_MAX, "a path ends");
	if (world.writer.fails)
		return (int)fail(ENOSPC);
	if (*path == '\0')
		return (int)fail(ENOENT);
	if (strlen(path) >= 4096)
		return (int)fail(ENAMETOOLONG);
	if (path[strlen(path) - 1] == '/')
		return (int)fail(EISDIR);
	return DESCRIPTORS;
}

int
world_mkdir(const char *path, mode_t mode)
{
	(void)mode;
	require(strlen(path) <= FRAME_MAX, "a folder's path ends");
	return 0;
}

int
world_dprintf(int fd, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	(void)fd;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	require(length >= 0 && (size_t)length < sizeof text, "last words are few");
	pipe_put(world.writer.answer, text, (size_t)length);
	return length;
}

/* Bytes */

ssize_t
world_read(int fd, void *buffer, size_t size)
{
	if (world.writer.running) {
		size_t left = world.writer.told - world.writer.read;
		if (size > left)
			size = left;
		memcpy(buffer, told + world.writer.read, size);
		world.writer.read += size;
		return (ssize_t)size;
	}
	struct descriptor *from = descriptor(fd);
	if (fd == STDIN_FILENO) {
		size_t waiting = world.owner.said - world.owner.heard;
		if (waiting == 0)
			return world.owner.gone ? 0 : fail(EAGAIN);
		if (size > waiting)
			size = waiting;
		memcpy(buffer, said + world.owner.heard, size);
		world.owner.heard += size;
		world.happened++;
		return (ssize_t)size;
	}
	if (from->use == CHILDREN) {
		if (!world.child_signal)
			return fail(EAGAIN);
		world.child_signal = false;
		world.happened++;
		return (ssize_t)size;
	}
	require(from->use == READS, "what is read is an end to read from");
	if (world.writer.lives && from->pipe == world.writer.answer)
		writer_run();
	if (from->pipe->used == 0 && from->pipe->writers > 0) {
		require(from->nonblocking, "nothing is waited for but in ppoll()");
		return fail(EAGAIN);
	}
	if (from->pipe->used > 0)
		world.happened++;
	return (ssize_t)pipe_take(from->pipe, buffer, size);
}

ssize_t
world_write(int fd, const void *buffer, size_t size)
{
	if (world.writer.running)
		return (ssize_t)size;
	struct descriptor *to = descriptor(fd);
	if (fd == STDOUT_FILENO) {
		if (world.owner.gone)
			return fail(EPIPE);
		if (world.owner.limited && size > world.owner.takes)
			size = world.owner.takes;
		if (size == 0)
			return fail(EAGAIN);
		world.owner.takes -= world.owner.limited ? size : 0;
		owner_hears(buffer, size);
		world.happened++;
		return (ssize_t)size;
	}
	require(to->use == WRITES, "what is written to is an end to write to");
	if (world.writer.lives && !to->nonblocking) {
		if (writer_failed())
			return fail(EPIPE);
		require(world.writer.told + size <= sizeof told, "a case is short");
		memcpy(told + world.writer.told, buffer, size);
		world.writer.told += size;
		return (ssize_t)size;
	}
	require(to->nonblocking, "nothing is waited for but in ppoll()");
	if (to->pipe->readers == 0)
		return fail(EPIPE);
	size_t put = pipe_put(to->pipe, buffer, size);
	if (put == 0)
		return fail(EAGAIN);
	world.happened++;
	return (ssize_t)put;
}

/* Children */

pid_t
world_fork(void)
{
	if (world.marks == 0) {
		world.writer.lives = true;
		world.writer.told = world.writer.read = 0;
		world.writer.answer->writers++;
		return WRITER;
	}
	world.program.lives = true;
	world.program.waits = world.program.hands_over = world.program.unknown = false;
	world.program.offers = world.marks == 3;
	world.program.born = world.clock;
	world.program.in = world.marked[0];
	world.program.out = world.marked[1];
	world.program.err = world.marked[world.marks - 1];
	world.program.in->readers++;
	world.program.out->writers++;
	world.program.err->writers++;
	world.marks = 0;
	return PROGRAM;
}

static void
program_ends(int status)
{
	if (!world.program.lives)
		return;
	world.program.lives = false;
	world.program.unburied = true;
	world.program.status = status;
	world.program.in->readers = 0;
	world.program.out->writers--;
	world.program.err->writers--;
	world.child_signal = true;
	owner_learns(status);
}

int
world_kill(pid_t who, int number)
{
	if (who == -1) {
		require(!world.writer.lives, "the writer is not killed");
		program_ends(SIGKILL);
		return 0;
	}
	require((who == PROGRAM || who == -PROGRAM) &&
			(world.program.lives || world.program.unburied),
		"signals go to the program while its number is its own");
	if (number < 0 || number > 64)
		return (int)fail(EINVAL);
	if (number == SIGKILL || number == SIGTERM)
		program_ends(number);
	return 0;
}

pid_t
world_wait4(pid_t who, int *status, int flags, struct rusage *usage)
{
	require(who == -1, "whoever is dead is buried");
	memset(usage, 0, sizeof *usage);
	if (world.orphans > 0) {
		world.orphans--;
		*status = 0;
		return ORPHAN;
	}
	if (world.program.unburied) {
		world.program.unburied = false;
		*status = world.program.status;
		return PROGRAM;
	}
	if (!world.program.lives)
		return (pid_t)fail(ECHILD);
	require((flags & WNOHANG) != 0, "nobody alive is waited for");
	return 0;
}

pid_t
world_waitpid(pid_t who, int *status, int flags)
{
	(void)flags;
	require(who == WRITER && world.writer.unburied, "the writer has said its last words");
	world.writer.unburied = false;
	*status = world.writer.status;
	return WRITER;
}

void
world__exit(int status)
{
	if (world.writer.running) {
		world.writer.status = status << 8;
		longjmp(world.writer.exit, 1);
	}
	require(status != 0 || world.owner.gone, "the supervisor stays while its owner does");
	owner_parts(status, !world.owner.limited && (!world.owner.gone || world.owner.done),
		    world.owner.done);
	longjmp(world.exit, 1);
}

/* The order of output, see order.h */

ssize_t
world_recvmsg(int fd, struct msghdr *message, int flags)
{
	(void)flags;
	require(descriptor(fd)->use == OFFER, "a listener is taken from its socket");
	if (!world.program.hands_over)
		return world.program.lives && world.program.offers ? fail(EAGAIN) : 0;
	struct cmsghdr *header = message->msg_control;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	int listener = descriptor_new(LISTENER, NULL);
	memcpy(CMSG_DATA(header), &listener, sizeof listener);
	world.program.hands_over = world.program.offers = false;
	world.happened++;
	return 1;
}

int
world_ioctl(int fd, unsigned long request, ...)
{
	require(descriptor(fd)->use == LISTENER, "a listener is asked");
	if (request == SECCOMP_IOCTL_NOTIF_RECV && (!world.program.waits || !world.program.lives))
		return (int)fail(ENOENT);
	if (request == SECCOMP_IOCTL_NOTIF_SEND)
		world.program.waits = false;
	world.happened++;
	return 0;
}

/* Time */

int
world_clock_gettime(clockid_t clock, struct timespec *time)
{
	int64_t told = clock == CLOCK_MONOTONIC ? world.clock : world.clock - world.program.born;

	time->tv_sec = told / 1000000000;
	time->tv_nsec = told % 1000000000;
	return 0;
}

int
world_clock_getcpuclockid(pid_t who, clockid_t *clock)
{
	require(who == PROGRAM, "the program's clock is read");
	*clock = CLOCK_PROCESS_CPUTIME_ID;
	return 0;
}

int
world_getrusage(int who, struct rusage *usage)
{
	(void)who;
	memset(usage, 0, sizeof *usage);
	return 0;
}

/* Events */

static size_t
number(const uint8_t *bytes, size_t size)
{
	size_t value = 0;

	for (size_t at = 0; at < size && at < 3; at++)
		value = value << 8 | bytes[at];
	return value;
}

/* Of any two bytes, one that wait(2) can give. */
static int
wait_status(size_t value)
{
	int number = value & 0x7f;

	return number != 0 && number <= 64 ? number : (int)(value & 0xff00);
}

static void
owner_says(const void *bytes, size_t size)
{
	if (size > SAID_MOST - world.owner.said)
		size = SAID_MOST - world.owner.said;
	if (bytes == NULL)
		memset(said + world.owner.said, 0, size);
	else
		memcpy(said + world.owner.said, bytes, size);
	world.owner.said += size;
}

static void
happen(char kind, const uint8_t *bytes, size_t size)
{
	bool lives = world.program.lives;

	switch (kind) {
	case 'i':
		owner_says(bytes, size);
		break;
	case 'z':
		owner_says(NULL, number(bytes, size));
		break;
	case 'g':
		world.owner.limited = size > 0;
		world.owner.takes = number(bytes, size);
		break;
	case 'q':
		world.owner.gone = true;
		break;
	case 'o':
	case 'e':
		if (lives)
			pipe_put(kind == 'o' ? world.program.out : world.program.err, bytes, size);
		break;
	case 'r':
		if (lives && size > 0)
			pipe_take(world.program.in, NULL, number(bytes, size));
		else if (lives)
			world.program.in->readers = 0;
		break;
	case 'x':
		program_ends(wait_status(number(bytes, size)));
		break;
	case 'k':
		world.orphans++;
		world.child_signal = true;
		break;
	case 'l':
		world.program.hands_over = lives && world.program.offers;
		break;
	case 'h':
		world.program.waits = lives;
		break;
	case 'n':
		if (lives) {
			pipe_put(world.program.answer, "ENOENT", 6);
			world.program.unknown = true;
			program_ends(127 << 8);
		}
		break;
	case 'w':
		world.writer.fails = true;
		break;
	case 't':
		world.clock += (int64_t)number(bytes, size) * 1000000;
		break;
	default:
		return;
	}
	world.happened++;
}

/* False once nothing more will happen. */
static bool
next_events(void)
{
	while (world.left >= 3) {
		char kind = (char)(world.events[0] | 0x20);
		bool together = (world.events[0] & 0x20) == 0;
		size_t size = number(world.events + 1, 2);
		if (size > world.left - 3)
			size = world.left - 3;
		happen(kind, world.events + 3, size);
		world.events += 3 + size;
		world.left -= 3 + size;
		if (!together)
			return true;
	}
	return false;
}

static short
ready(int fd, short events)
{
	struct descriptor *at = descriptor(fd);

	if (fd == STDIN_FILENO)
		return world.owner.gone || world.owner.said > world.owner.heard ? POLLIN : 0;
	if (fd == STDOUT_FILENO)
		return !world.owner.limited || world.owner.takes > 0 ? POLLOUT : 0;
	switch (at->use) {
	case CHILDREN:
		return world.child_signal ? POLLIN : 0;
	case OFFER:
		if (world.program.hands_over)
			return POLLIN;
		return world.program.lives && world.program.offers ? 0 : POLLIN | POLLHUP;
	case LISTENER:
		if (!world.program.lives)
			return POLLHUP;
		return world.program.waits ? POLLIN : 0;
	case READS:
		return (short)(((at->pipe->used > 0 ? POLLIN : 0) & events) |
			       (at->pipe->writers == 0 ? POLLHUP : 0));
	default:
		if (at->pipe->readers == 0)
			return POLLERR;
		return (short)((at->pipe->used < PIPE_SIZE ? POLLOUT : 0) & events);
	}
}

static int
look(struct pollfd *polled, nfds_t count)
{
	int found = 0;

	for (nfds_t at = 0; at < count; at++) {
		polled[at].revents = 0;
		if (polled[at].fd >= 0)
			polled[at].revents = ready(polled[at].fd, polled[at].events);
		found += polled[at].revents != 0;
	}
	return found;
}

int
world_ppoll(struct pollfd *polled, nfds_t count, const struct timespec *timeout,
	    const sigset_t *mask)
{
	(void)mask;
	/* What a stage was made of need not live until here. */
	free(world.payload);
	world.payload = NULL;

	bool idle = world.happened == world.before;
	world.before = world.happened;
	bool more = next_events();
	int found = look(polled, count);
	while (found == 0 && more) {
		more = next_events();
		found = look(polled, count);
	}
	world.still = idle && world.happened == world.before ? world.still + 1 : 0;
	require(world.still < STILL_MOST, "the loop sleeps when nothing happens");
	world.before = world.happened;
	if (found > 0)
		return found;
	if (world.owner.limited) { /* one that does not read at last reads on */
		world.owner.limited = false;
	} else if (timeout != NULL) {
		world.clock += timeout->tv_sec * 1000000000 + timeout->tv_nsec;
	} else {
		world.owner.gone = world.owner.done = true;
	}
	return look(polled, count);
}

int
world_poll(struct pollfd *polled, nfds_t count, int timeout)
{
	(void)timeout;
	return look(polled, count);
}

/* What goes on without us */

int
world_signalfd(int fd, const sigset_t *mask, int flags)
{
	(void)fd, (void)mask, (void)flags;
	return descriptor_new(CHILDREN, NULL);
}

pid_t
world_getpid(void)
{
	return SUPERVISOR;
}

int
world_access(const char *path, int mode)
{
	(void)path, (void)mode;
	return (int)fail(ENOENT);
}

long
world_sysconf(int name)
{
	(void)name;
	return 2;
}

/* What it does to itself as a process is none of the world's business. */
#define SUCCEEDS(call) long world_##call(void) { return 0; }
SUCCEEDS(chdir)
SUCCEEDS(prctl)
SUCCEEDS(setgroups)
SUCCEEDS(setresgid)
SUCCEEDS(setresuid)
SUCCEEDS(signal)
SUCCEEDS(sigprocmask)
SUCCEEDS(syscall)
SUCCEEDS(umask)

static size_t
length(char *const *list, size_t longest)
{
	size_t count = 0;

	while (list[count] != NULL)
		require(strlen(list[count++]) < longest, "a string ends");
	return count;
}

/* Its own memory for the payload, exactly as long, and gone before the next turn. */
void
world_command_parse(struct command *command, char *payload, size_t size)
{
	world.payload = malloc(size + (size == 0));
	memcpy(world.payload, payload, size);
	command_parse(command, world.payload, size);
	require(command->wall_limit > 0 && command->wall_limit <= INT64_MAX / 4,
		"a wall time can be added to");
	require(command->cpu_limit >= 0 && command->cpu_limit <= INT64_MAX / 4,
		"a CPU time can be added to");
	require(command->arguments[0] != NULL, "there is a command");
	require(length(command->arguments, size) <= ARGUMENTS_MAX, "the arguments have room");
	require(length(command->variables, size) <= VARIABLES_MAX, "the variables have room");
	owner_allows(command->stdout_cap, command->stderr_cap);
}

/* A supervisor lives once: what it keeps in static memory is set back to what the linker put there. */
extern char __start_state_data[], __stop_state_data[], __start_state_bss[], __stop_state_bss[];

/* The sanitizer's own memcpy() would mind the red zones between what it copies. */
__attribute__((no_sanitize("address", "undefined"), no_builtin)) static void
copy(char *to, const char *from, size_t size)
{
	for (size_t at = 0; at < size; at++)
		to[at] = from == NULL ? 0 : from[at];
}

static char *
page(char *at)
{
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);

	return (char *)(((uintptr_t)at + size - 1) & ~(size - 1));
}

static void
be_born(void)
{
	static char *data;
	size_t size = (size_t)(__stop_state_data - __start_state_data);
	char *start = page(__start_state_bss), *stop = page(__stop_state_bss) - sysconf(_SC_PAGESIZE);

	if (data == NULL) {
		data = malloc(size);
		copy(data, __start_state_data, size);
		return;
	}
	copy(__start_state_data, data, size);
	/* The buffers are large, and most of them was never touched: the kernel gives zeroes anew. */
	copy(__start_state_bss, NULL, (size_t)(start - __start_state_bss));
	if (madvise(start, (size_t)(stop - start), MADV_DONTNEED) < 0)
		abort();
	copy(stop, NULL, (size_t)(__stop_state_bss - stop));
}

void
world_run(const uint8_t *data, size_t size)
{
	char *argv[] = {"supervisor", "20000", "/box", NULL};

	be_born();
	memset(&world, 0, sizeof world);
	for (size_t at = 0; at < PIPES; at++)
		pipes[at].readers = pipes[at].writers = 0;
	world.events = data;
	world.left = size;
	world.clock = 1000000000000;
	descriptor_new(READS, NULL);
	descriptor_new(WRITES, NULL);
	owner_meets();
	if (setjmp(world.exit) == 0)
		supervisor_main(3, argv);
	free(world.payload);
	world.payload = NULL;
}
