/* New namespaces, which would give root within them, and reach much of the kernel's code. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const struct {
	const char *name;
	int flag;
} kinds[] = {
	{"user", CLONE_NEWUSER}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
	{"mnt", CLONE_NEWNS},    {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
	{"cgroup", CLONE_NEWCGROUP},
};

int
main(void)
{
	char path[64];

	for (int i = 0; i < COUNT(kinds); i++) {
		refused("unshare", unshare(kinds[i].flag), EPERM);
		refused("unshare with user", unshare(CLONE_NEWUSER | kinds[i].flag), EPERM);
		refused("clone", syscall(SYS_clone, kinds[i].flag | SIGCHLD, 0, 0, 0, 0), EPERM);
		/* Bits that the kernel ignores must not change the filter's decision. */
		refused("clone, high bits",
			syscall(SYS_clone, 1L << 40 | kinds[i].flag | SIGCHLD, 0, 0, 0, 0), EPERM);
		struct clone_args arguments = {.flags = (unsigned)kinds[i].flag, .exit_signal = SIGCHLD};
		refused("clone3", syscall(SYS_clone3, &arguments, sizeof arguments), ENOSYS);
		snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i].name);
		refused("setns", setns(open(path, O_RDONLY), 0), EPERM);
	}
	refused("unshare time", unshare(CLONE_NEWTIME), EPERM);
	return report(COUNT(kinds) * 6 + 1);
}
