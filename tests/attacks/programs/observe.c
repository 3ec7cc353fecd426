/*
 * Prints all that a program can observe of its box, so that what it prints in a used box can be
 * compared, byte for byte, with what it prints in a new one.
 *
 * Not printed, since it differs from run to run or counts up:
 *
 *   - process ids, ids of sessions, and the clock ticks and address space of a process;
 *   - inode numbers, offsets in directories, and the times of the change of an inode;
 *   - in /box, which gets the files of the job, the time of its modification;
 *   - ids of System V objects;
 *   - times of the entries of /proc, which are those of the first look-up;
 *   - what PID 1 has used: times, faults, memory, context switches; which signals of this
 *     program's writes it has not read yet; and how many are queued for root, on the whole machine;
 *   - the counters of the box's cgroup;
 *   - what is the whole machine's, below /proc and /sys.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#define KEY 0x5EC2E7

/* Files that are the machine's, or count what PID 1 has used; the rest of a path that ends with `*`. */
static const char *const SKIPPED[] = {
	"/proc/sys/fs/aio-nr", "/proc/sys/fs/dentry-state", "/proc/sys/fs/file-nr", "/proc/sys/fs/inode-*",
	"/proc/sys/fs/quota/*", "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/pty/nr",
	"/proc/sys/kernel/random/*", "/proc/sys/kernel/perf_event_max_sample_rate",
	"/proc/sys/kernel/ngroups_last*", "/proc/sys/net/netfilter/*", "/proc/sys/net/core/netdev_rss_key",
	"/proc/sys/kernel/sched_domain/*", "/proc/sys/vm/stat_refresh", "/proc/sys/net/ipv4/tcp_fastopen_key",
	/* The sockets of TCP come from one table of the machine. Its rows are the box's. */
	"/proc/self/net/protocols", "/proc/self/net/sockstat*", "/proc/self/net/softnet_stat", "/proc/self/net/ptype",
	"/proc/self/net/rt_cache", "/proc/self/net/stat/*", "/proc/self/net/netlink",
};

static void
print_text(const char *text, size_t size)
{
	for (size_t at = 0; at < size; at++) {
		if ((text[at] >= ' ' && text[at] < 127) || text[at] == '\n')
			putchar(text[at]);
		else
			printf("\\%02x", (unsigned char)text[at]);
	}
}

static void
print_file(const char *path)
{
	static char text[1 << 16];
	ssize_t got;
	size_t used = 0;

	printf("== %s ==\n", path);
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		printf("%s\n", strerror(errno));
		return;
	}
	while ((got = read(fd, text + used, sizeof text - used)) > 0)
		used += (size_t)got;
	close(fd);
	print_text(text, used);
}

static bool
is_skipped(const char *path)
{
	for (size_t at = 0; at < sizeof SKIPPED / sizeof *SKIPPED; at++) {
		size_t length = strlen(SKIPPED[at]);
		bool begins = SKIPPED[at][length - 1] == '*';
		if (begins ? strncmp(path, SKIPPED[at], length - 1) == 0 : strcmp(path, SKIPPED[at]) == 0)
			return true;
	}
	return false;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Call with each path in a folder, in the order of the names. */
static void
each(const char *folder, void (*visit)(const char *path))
{
	struct dirent **entries;
	char path[4096];

	int count = scandir(folder, &entries, NULL, by_name);
	if (count < 0)
		printf("%s: %s\n", folder, strerror(errno));
	for (int at = 0; at < count; at++) {
		const char *name = entries[at]->d_name;
		snprintf(path, sizeof path, "%s/%s", folder, name);
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			visit(path);
	}
}

static void
print_files_below(const char *path)
{
	struct stat status;

	if (is_skipped(path) || lstat(path, &status) < 0)
		return;
	if (S_ISDIR(status.st_mode))
		each(path, print_files_below);
	else if (S_ISREG(status.st_mode))
		print_file(path);
}

static void
print_attributes(const char *path)
{
	char names[4096], value[4096];

	ssize_t size = llistxattr(path, names, sizeof names);
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t length = lgetxattr(path, names + at, value, sizeof value);
		printf("  %s=", names + at);
		print_text(value, length < 0 ? 0 : (size_t)length);
		putchar('\n');
	}
}

static void
print_tree(const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	print_text(path, strlen(path));
	printf(" %o %u %u %lu %lld %lld\n", status.st_mode, status.st_uid, status.st_gid, status.st_nlink,
	       (long long)status.st_size, (long long)status.st_blocks);
	print_attributes(path);
	if (S_ISDIR(status.st_mode))
		each(path, print_tree);
}

static void
print_times(const char *path)
{
	struct stat status;

	if (lstat(path, &status) == 0)
		printf("%s: %lld.%09ld %lld.%09ld\n", path, (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
		       (long long)status.st_atim.tv_sec, status.st_atim.tv_nsec);
}

/* Of folders that are root's, and what is in them; first, since to read a folder changes them. */
static void
print_times_in(const char *folder)
{
	print_times(folder);
	each(folder, print_times);
}

static void
print_root(const char *path)
{
	struct statvfs room;
	int flags = -1;

	/* Before anything reads the directory. */
	if (strcmp(path, "/box") != 0)
		print_times(path);
	print_tree(path);
	if (statvfs(path, &room) == 0)
		printf("%s: %lu of %lu blocks, %lu of %lu inodes, %lu\n", path, room.f_bfree, room.f_blocks,
		       room.f_ffree, room.f_files, room.f_flag);
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	int error = ioctl(fd, FS_IOC_GETFLAGS, &flags);
	printf("%s: flags %d %x\n", path, error, flags);
	close(fd);
}

/* The fields of a status that do not count. */
static void
print_status(const char *path)
{
	static const char *const FIELDS[] = {
		"Name:", "Umask:", "TracerPid:", "Uid:", "Gid:", "FDSize:", "Groups:", "Threads:",
		"SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:", "Cap", "NoNewPrivs:", "Seccomp",
		"Specul", "Cpus", "Mems", "CoreDumping:", "THP_enabled:", "VmLck:", "VmPin:",
	};
	bool is_own = strcmp(path, "/proc/1/status") != 0;
	char line[1024];
	FILE *file = fopen(path, "r");

	printf("== %s ==\n", path);
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (is_own && strncmp(line, "SigQ:", 5) == 0)
			fputs(line, stdout);
		/* PID 1 has those of this program's writes, until it has read them. */
		if (!is_own && strncmp(line, "ShdPnd:", 7) == 0)
			continue;
		for (size_t at = 0; at < sizeof FIELDS / sizeof *FIELDS; at++)
			if (strncmp(line, FIELDS[at], strlen(FIELDS[at])) == 0)
				fputs(line, stdout);
	}
	if (file != NULL)
		fclose(file);
}

static char names[64][256];
static size_t name_count;

static void
note_process(const char *path)
{
	char file[128];

	if (strspn(path + 6, "0123456789") != strlen(path + 6) || name_count == 64)
		return;
	snprintf(file, sizeof file, "%.100s/comm", path);
	int fd = open(file, O_RDONLY);
	if (read(fd, names[name_count], sizeof *names - 1) > 0)
		name_count++;
	close(fd);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* In the order of their names: their ids differ. */
static void
print_processes(void)
{
	each("/proc", note_process);
	qsort(names, name_count, sizeof *names, by_text);
	for (size_t at = 0; at < name_count; at++) {
		printf("process: ");
		print_text(names[at], strlen(names[at]));
	}
}

static void
print_process_details(const char *process)
{
	static const char *const FILES[] = {"limits", "mountinfo", "cgroup", "oom_score_adj", "cmdline", "environ",
					    "timerslack_ns", "personality", "uid_map", "setgroups", "coredump_filter"};
	char path[128];

	for (size_t at = 0; at < sizeof FILES / sizeof *FILES; at++) {
		snprintf(path, sizeof path, "/proc/%s/%s", process, FILES[at]);
		print_file(path);
	}
}

static void
print_descriptor(const char *path)
{
	char target[256];

	ssize_t size = readlink(path, target, sizeof target - 1);
	if (size < 0)
		return; /* that of the folder itself */
	target[size] = '\0';
	char *inode = strchr(target, '['); /* a pipe's */
	if (inode != NULL)
		*inode = '\0';
	printf("%s -> %s\n", path, target);
}

static void
print_self(void)
{
	struct itimerval timer;
	struct utsname names;
	struct rlimit limit;
	cpu_set_t cpus;
	sigset_t pending;

	sched_getaffinity(0, sizeof cpus, &cpus);
	sigpending(&pending);
	printf("niceness %d, policy %d, processors %d, niceness of PID 1 %d\n", getpriority(PRIO_PROCESS, 0),
	       sched_getscheduler(0), CPU_COUNT(&cpus), getpriority(PRIO_PROCESS, 1));
	printf("of the user %d, umask %o, dumpable %d, no_new_privs %d, subreaper-of %d, slack %d\n",
	       getpriority(PRIO_USER, 0), umask(022), prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       prctl(PR_GET_SECUREBITS), prctl(PR_GET_TIMERSLACK));
	for (int number = 0; number < RLIM_NLIMITS; number++) {
		getrlimit((__rlimit_resource_t)number, &limit);
		printf("limit %d: %lld %lld\n", number, (long long)limit.rlim_cur, (long long)limit.rlim_max);
	}
	for (int kind = 0; kind < 3; kind++) {
		getitimer((__itimer_which_t)kind, &timer);
		printf("timer %d: %ld\n", kind, timer.it_value.tv_sec);
	}
	for (int number = 1; number < 65; number++)
		if (sigismember(&pending, number) == 1)
			printf("signal %d is pending\n", number);
	uname(&names);
	printf("%s %s %s\n", names.nodename, names.domainname, names.release);
	printf("umask %o\n", umask(022));
}

static void
look_up(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "found");
}

static void
probe_port(int type, int port)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	int fd = socket(AF_INET, type, 0);
	printf("port %d of %d: %s\n", port, type,
	       bind(fd, (struct sockaddr *)&here, sizeof here) < 0 ? strerror(errno) : "free");
	close(fd);
}

static void
probe_abstract(const char *name)
{
	struct sockaddr_un here = {.sun_family = AF_UNIX};

	strcpy(here.sun_path + 1, name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	look_up(name, connect(fd, (struct sockaddr *)&here,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))));
	close(fd);
}

/* The network's, once any program has asked for one. */
static void
probe_fast_open_key(void)
{
	unsigned char key[64];
	socklen_t size = sizeof key;

	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int error = getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, &size);
	printf("key of TCP Fast Open: %d, %d bytes\n", error, (int)size);
	close(fd);
}

/* The rows without their numbers. Locks of open files are those of the whole machine. */
static void
print_locks(void)
{
	char row[256];
	FILE *file = fopen("/proc/locks", "r");

	while (file != NULL && fgets(row, sizeof row, file) != NULL)
		if (strstr(row, "OFDLCK") == NULL)
			printf("lock%s", strchr(row, ':'));
	if (file != NULL)
		fclose(file);
}

static void
probe_objects(void)
{
	struct shm_info memory;
	struct seminfo semaphores;
	struct msginfo queues;

	for (int number = 0; number < 20; number++) {
		look_up("shared memory", shmget(KEY + number, 0, 0));
		look_up("semaphores", semget(KEY + number, 0, 0));
		look_up("queue", msgget(KEY + number, 0));
	}
	shmctl(0, SHM_INFO, (struct shmid_ds *)&memory);
	semctl(0, 0, SEM_INFO, &semaphores);
	msgctl(0, MSG_INFO, (struct msqid_ds *)&queues);
	printf("%d segments of %lu pages, %d sets of %d semaphores, %d queues of %d messages of %d bytes\n",
	       memory.used_ids, memory.shm_tot, semaphores.semusz, semaphores.semaem, queues.msgpool, queues.msgmap,
	       queues.msgtql);
	look_up("POSIX queue", mq_open("/secret", O_RDONLY));
	look_up("POSIX memory", shm_open("/memory", O_RDONLY, 0));
	look_up("keyring", syscall(SYS_keyctl, 0, -3, 0)); /* of the session */
	int passwd = open("/etc/passwd", O_RDONLY);
	look_up("exclusive lock", flock(passwd, LOCK_EX | LOCK_NB));
	close(passwd);
}

int
main(void)
{
	/* Before any output, which reaches PID 1 as a signal, too. */
	print_status("/proc/1/status");
	print_status("/proc/self/status");
	print_self();
	print_times_in("/dev");
	print_times_in("/dev/pts");
	print_times_in("/etc");
	print_root("/tmp");
	print_root("/dev/shm");
	print_root("/dev/mqueue");
	print_root("/box");
	print_tree("/dev");
	print_files_below("/proc/sysvipc");
	print_files_below("/proc/sys");
	print_processes();
	print_process_details("self");
	print_process_details("1");
	each("/proc/self/fd", print_descriptor);
	print_locks();
	print_files_below("/proc/self/net");
	probe_objects();
	probe_port(SOCK_STREAM, 9999);
	probe_port(SOCK_DGRAM, 9999);
	probe_port(SOCK_STREAM, 9998);
	probe_abstract("secret");
	probe_fast_open_key();
	return 0;
}
