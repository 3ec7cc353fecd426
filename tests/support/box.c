/*
 * A box without Docker: namespaces and a root file system of bind mounts of this machine, for tests.
 *
 * Standard input is one end of a socket that serves as the attached streams of the container: what
 * comes there is the command's stdin; the command's stdout and stderr go there in Docker's
 * multiplexed format. The command is PID 1 of a PID namespace, root with the capabilities of a box. It
 * sees this machine's programs read-only, the Python packages of the tests at /packages, and has a tmpfs of its own at WORKDIR, /tmp and /dev/shm, and
 * its folder at /bitrun. It has no limits of memory, processes and processors, and no seccomp filter:
 * it isolates tests from each other, and is no sandbox.
 *
 * Usage: box WORKDIR TMPFS-OPTIONS OPEN-FILES FILE-SIZE COMMAND...
 *
 * WORKDIR must be an absolute path of one component. Ends when the command does, with its status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE (1 << 16)

static const char *const SHARED[] = {"/usr", "/etc", "/opt", "/bin", "/sbin", "/lib", "/lib32", "/lib64"};
static const char *const DEVICES[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};
static const char *const LINKS[][2] = {
	{"/proc/self/fd", "dev/fd"},
	{"/proc/self/fd/0", "dev/stdin"},
	{"/proc/self/fd/1", "dev/stdout"},
	{"/proc/self/fd/2", "dev/stderr"},
	{"pts/ptmx", "dev/ptmx"},
};

/* The standard error of the tests; that of the command goes to the socket. */
static int complaints = STDERR_FILENO;

static void
must(int result, const char *what)
{
	if (result < 0) {
		dprintf(complaints, "box: %s: %s\n", what, strerror(errno));
		_exit(125);
	}
}

static void
share(const char *path)
{
	struct stat status;
	char link[256];

	if (lstat(path, &status) < 0)
		return;
	if (S_ISLNK(status.st_mode)) {
		ssize_t size = readlink(path, link, sizeof link - 1);
		must((int)size, path);
		link[size] = '\0';
		must(symlink(link, path + 1), path);
		return;
	}
	must(mkdir(path + 1, 0755), path);
	must(mount(path, path + 1, NULL, MS_BIND, NULL), path);
	must(mount(NULL, path + 1, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL), path);
}

/* Make a folder and those that it is in. */
static void
make_folders(const char *path)
{
	char folder[256];

	for (const char *end = path + 1; (end = strchr(end, '/')) != NULL; end++) {
		snprintf(folder, sizeof folder, "%.*s", (int)(end - path - 1), path + 1);
		must(mkdir(folder, 0755), folder);
	}
	must(mkdir(path + 1, 0755), path);
}

/* As container runtimes do: of the box, so that what a program does to it does not last. */
static void
make_device(const char *path)
{
	struct stat status;

	must(stat(path, &status), path);
	must(mknod(path + 1, S_IFCHR | 0666, status.st_rdev), path);
	must(chmod(path + 1, 0666), path);
}

static void
make_root(const char *workdir, const char *tmpfs, char *command)
{
	const char *programs = dirname(command), *packages = getenv("BOX_PACKAGES");

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	/* Any folder will do: only this namespace sees what is mounted there. */
	must(mount("root", "/mnt", "tmpfs", MS_NOSUID, "mode=0755"), "root");
	must(chdir("/mnt"), "root");
	for (size_t at = 0; at < sizeof SHARED / sizeof *SHARED; at++)
		share(SHARED[at]);
	must(mkdir("bitrun", 0755), "/bitrun");
	must(mount(programs, "bitrun", NULL, MS_BIND, NULL), programs);
	must(mount(NULL, "bitrun", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL), programs);
	if (packages != NULL) {
		must(mkdir("packages", 0755), "/packages");
		must(mount(packages, "packages", NULL, MS_BIND, NULL), packages);
		must(mount(NULL, "packages", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL), packages);
	}
	must(mkdir("dev", 0755), "/dev");
	must(mount("dev", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=0755"), "/dev");
	must(mkdir("dev/pts", 0755), "/dev/pts");
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"), "/dev/pts");
	for (size_t at = 0; at < sizeof DEVICES / sizeof *DEVICES; at++)
		make_device(DEVICES[at]);
	for (size_t at = 0; at < sizeof LINKS / sizeof *LINKS; at++)
		must(symlink(LINKS[at][0], LINKS[at][1]), LINKS[at][1]);
	must(mkdir("proc", 0755), "/proc");
	must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "/proc");
	must(mkdir("dev/shm", 0755), "/dev/shm");
	must(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"), "/dev/shm");
	must(mkdir("dev/mqueue", 0755), "/dev/mqueue");
	must(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "/dev/mqueue");
	must(mkdir("tmp", 0755), "/tmp");
	must(mount("tmp", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, tmpfs), "/tmp");
	make_folders(workdir);
	must(mount("workdir", workdir + 1, "tmpfs", MS_NOSUID | MS_NODEV, tmpfs), workdir);
	must(mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID, NULL), "root read-only");
	must(mount(".", "/", NULL, MS_MOVE, NULL), "root");
	must(chroot("."), "root");
	must(chdir("/"), "root");
}

/* Of a process of uid 0, exec gives back no more than these. */
static void
drop_capabilities(void)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (capability != CAP_SETUID && capability != CAP_SETGID && capability != CAP_KILL)
			must(prctl(PR_CAPBSET_DROP, capability), "capabilities");
}

/* As runc does. */
static void
raise_loopback(void)
{
	struct ifreq interface = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(ioctl(fd, SIOCSIFFLAGS, &interface), "loopback");
	close(fd);
}

static void
limit(int resource, const char *value)
{
	rlim_t size = (rlim_t)strtoull(value, NULL, 10);
	must(setrlimit((__rlimit_resource_t)resource, &(struct rlimit){size, size}), "limits");
}

_Noreturn static void
child(char **argv, int supervisor, int in, int out, int err)
{
	must(prctl(PR_SET_PDEATHSIG, SIGKILL), "death signal");
	must(complaints = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), "standard error");
	must(dup2(in, 0) | dup2(out, 1) | dup2(err, 2), "streams");
	make_root(argv[1], argv[2], argv[5]);
	must(sethostname("box", 3), "host name");
	raise_loopback();
	limit(RLIMIT_NOFILE, argv[3]);
	limit(RLIMIT_FSIZE, argv[4]);
	limit(RLIMIT_CORE, "0");
	drop_capabilities();
	char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			       "HOSTNAME=box", "HOME=/root", NULL};
	/* Opened before its folder went out of sight. */
	fexecve(supervisor, argv + 5, environment);
	must(-1, argv[5]);
	_exit(125);
}

static void
write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* the other side is gone: the end of the command follows */
		data += written;
		size -= (size_t)written;
	}
}

static void *
pass_input(void *argument)
{
	int in = *(int *)argument;
	char data[PIECE];

	for (;;) {
		ssize_t got = read(0, data, sizeof data);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		write_all(in, data, (size_t)got);
	}
	close(in);
	return NULL;
}

static void
pass_output(int out, int err)
{
	struct pollfd streams[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
	static char piece[8 + PIECE];

	while (streams[0].fd >= 0 || streams[1].fd >= 0) {
		if (poll(streams, 2, -1) < 0)
			continue;
		for (int at = 0; at < 2; at++) {
			if (!streams[at].revents)
				continue;
			ssize_t got = read(streams[at].fd, piece + 8, PIECE);
			if (got <= 0) {
				streams[at].fd = -1;
				continue;
			}
			uint32_t size = (uint32_t)got;
			memset(piece, 0, 4);
			piece[0] = (char)(at + 1);
			for (int byte = 0; byte < 4; byte++)
				piece[4 + byte] = (char)(size >> (24 - 8 * byte));
			write_all(0, piece, 8 + size);
		}
	}
}

int
main(int argc, char **argv)
{
	int in[2], out[2], err[2], status;
	pthread_t thread;

	if (argc < 6) {
		fprintf(stderr, "usage: box WORKDIR TMPFS-OPTIONS OPEN-FILES FILE-SIZE COMMAND...\n");
		return 125;
	}
	signal(SIGPIPE, SIG_IGN);
	must(prctl(PR_SET_PDEATHSIG, SIGKILL), "death signal");
	must(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), "pipes");
	int command = open(argv[5], O_RDONLY | O_CLOEXEC);
	must(command, argv[5]);
	/* unshare(), which does the same, would forbid threads here. */
	long pid = syscall(SYS_clone,
			   SIGCHLD | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
			   NULL, NULL, NULL, NULL);
	must((int)pid, "this machine allows no namespaces; tests run as root, or in a container as --privileged");
	if (pid == 0)
		child(argv, command, in[0], out[1], err[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	must(-pthread_create(&thread, NULL, pass_input, &in[1]), "thread");
	pass_output(out[0], err[0]);
	waitpid((pid_t)pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
