/* Calls with a fixed result: the supervisor's own privileges and signals, and the machine. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "kernel.h"

int
fake_signalfd(int fd, const sigset_t *mask, int flags)
{
	(void)fd, (void)flags;
	return descriptor_open(sigismember(mask, SIGCHLD) ? CHILDREN : SIGNALS, NULL);
}

/* There is no cgroup v2. */
int
fake_access(const char *path, int mode)
{
	(void)path, (void)mode;
	return (int)fail(ENOENT);
}

/* No process can be seen. */
DIR *
fake_opendir(const char *path)
{
	(void)path;
	errno = ENOENT;
	return NULL;
}

long
fake_sysconf(int name)
{
	return name == _SC_PAGESIZE ? PAGE : PROCESSORS;
}

#define SUCCEEDS(call) long fake_##call(void) { return 0; }
SUCCEEDS(alarm)
SUCCEEDS(chmod)
SUCCEEDS(getrlimit)
SUCCEEDS(prctl)
SUCCEEDS(pthread_create)
SUCCEEDS(setgroups)
SUCCEEDS(setresgid)
SUCCEEDS(setresuid)
SUCCEEDS(setrlimit)
SUCCEEDS(signal)
SUCCEEDS(sigprocmask)
SUCCEEDS(syscall)
SUCCEEDS(timerfd_create)
SUCCEEDS(timerfd_settime)
SUCCEEDS(umask)
