/* The listener of seccomp's user notifications, see order.h. */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kernel.h"

ssize_t
fake_recvmsg(int fd, struct msghdr *message, int flags)
{
	(void)flags;
	require(descriptor(fd)->use == OFFER, "a listener comes from its socket");
	if (!kernel.program.listener_sent)
		return kernel.program.alive && kernel.program.offers ? fail(EAGAIN) : 0;
	struct cmsghdr *header = message->msg_control;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	int listener = descriptor_open(LISTENER, NULL);
	memcpy(CMSG_DATA(header), &listener, sizeof listener);
	kernel.program.listener_sent = kernel.program.offers = false;
	kernel.activity++;
	return 1;
}

int
fake_ioctl(int fd, unsigned long request, ...)
{
	require(descriptor(fd)->use == LISTENER, "notifications come from a listener");
	if (request == SECCOMP_IOCTL_NOTIF_RECV && (!kernel.program.held || !kernel.program.alive))
		return (int)fail(ENOENT);
	if (request == SECCOMP_IOCTL_NOTIF_SEND)
		kernel.program.held = false;
	kernel.activity++;
	return 0;
}
