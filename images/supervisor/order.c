#include "order.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"
#include "frames.h"

static int offer = -1;    /* the socket on which the listener arrives */
static int listener = -1; /* the descriptor of the notifications */
static bool held;
static uint64_t held_id;

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#ifdef NATIVE
static int
install(const struct sock_fprog *program, unsigned long more_flags)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER | more_flags, program);
}
#endif

void
order_offer(int socket)
{
#ifdef NATIVE
	struct sock_filter filter[] = {
		/*  0 */ LOAD(arch),
		/*  1 */ EQUAL(NATIVE, 12),
		/*  2 */ LOAD(nr),
		/*  3 */ JUMP_IF(SYS_write, 7),
		/*  4 */ JUMP_IF(SYS_writev, 6),
		/*  5 */ JUMP_IF(SYS_dup3, 2),
#ifdef SYS_dup2
		/*  6 */ JUMP_IF(SYS_dup2, 1),
#else
		/*  6 */ RETURN(SECCOMP_RET_ALLOW),
#endif
		/*  7 */ RETURN(SECCOMP_RET_ALLOW),
		/*  8 */ LOAD(args[1]),
		/*  9 */ JUMP_IF(STDOUT_FILENO, 3),
		/* 10 */ JUMP(1),
		/* 11 */ LOAD(args[0]),
		/* 12 */ EQUAL(STDERR_FILENO, 1),
		/* 13 */ RETURN(SECCOMP_RET_USER_NOTIF),
		/* 14 */ RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	struct iovec nothing = {.iov_base = (char[]){0}, .iov_len = 1};
	struct msghdr message = {.msg_iov = &nothing,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};

	/* After its notification is received, no signal shall make a call fail with EINTR: from Linux
	 * 5.19 on. */
	int fd = install(&program, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (fd < 0)
		fd = install(&program, 0);
	if (fd < 0)
		return;
	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	/* Without an open listener the held calls would fail: better no program than that. */
	if (sendmsg(socket, &message, 0) != 1)
		_exit(126);
	close(fd);
#else
	(void)socket;
#endif
}

void
order_await(int socket)
{
	offer = socket;
	held = false;
}

int
order_fd(void)
{
	if (held)
		return -1;
	return listener >= 0 ? listener : offer;
}

static void
take_listener(void)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec nothing = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &nothing,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};

	ssize_t got = recvmsg(offer, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	struct cmsghdr *header = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header != NULL && header->cmsg_type == SCM_RIGHTS)
		memcpy(&listener, CMSG_DATA(header), sizeof listener);
	else if (got == 1)
		fault(FAULT_BOX, "order: the listener did not arrive");
	close(offer);
	offer = -1;
}

static void
take_notification(void)
{
	/* Newer kernels may write more than these headers define, and require it zeroed. */
	static union {
		struct seccomp_notif notification;
		char space[1024];
	} in;

	memset(&in, 0, sizeof in);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in) == 0) {
		held = true;
		held_id = in.notification.id;
	} else if (errno != EINTR && errno != ENOENT && errno != EAGAIN) {
		fault(FAULT_BOX, "order: %s", strerror(errno));
	}
}

void
order_read(void)
{
	if (listener >= 0)
		take_notification();
	else if (offer >= 0)
		take_listener();
}

bool
order_held(void)
{
	return held;
}

void
order_release(void)
{
	static union {
		struct seccomp_notif_resp response;
		char space[1024];
	} out;

	memset(&out, 0, sizeof out);
	out.response.id = held_id;
	out.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	/* ENOENT: a signal has interrupted the call, or the program is dead. */
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &out);
	held = false;
}

void
order_close(void)
{
	if (listener >= 0)
		close(listener);
	if (offer >= 0)
		close(offer);
	listener = offer = -1;
	held = false;
}
