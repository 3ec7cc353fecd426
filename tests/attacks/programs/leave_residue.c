/*
 * Leaves all that an unprivileged program can leave in a box. Prints what it could not, then "left".
 *
 * Usage: leave_residue [MEGABYTES [NETWORK...]]
 *
 * MEGABYTES of memory are held by a daemon. NETWORK is what is left in the network, where nothing can
 * remove it, and so the box can't be used again; see networks[].
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <linux/in6.h> /* after the other, which has most of it, too */
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define KEY 0x5EC2E7

static void
must(long result, const char *what)
{
	if (result < 0)
		printf("%s: %s\n", what, strerror(errno));
}

/* Not mknod(), which a box allows for pipes only. */
static int
make(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

	if (fd < 0 || fchmod(fd, mode) < 0)
		return -1;
	return close(fd);
}

static int
bound(const char *path, bool abstract)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	size_t size = offsetof(struct sockaddr_un, sun_path) + strlen(path) + abstract;

	strcpy(name.sun_path + abstract, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	must(bind(fd, (struct sockaddr *)&name, (socklen_t)size), path);
	must(listen(fd, 1), path);
	return fd;
}

static void
leave_names(void)
{
	char name[2] = "x", path[64], longest[256];

	must(mkdir("names", 0700), "names");
	for (int byte = 1; byte < 256; byte++) {
		*name = (char)byte;
		if (*name == '/' || *name == '.')
			continue;
		snprintf(path, sizeof path, "names/%s", name);
		must(make(path, 0777), path);
	}
	memset(longest, '\n', 255);
	longest[255] = '\0';
	must(mkdir(longest, 0), "the longest name");
	must(mkdir("-rf", 0), "-rf");
	must(mkdir("...", 0), "...");
}

/* As deep as inodes allow: beyond the longest path, and with more levels than descriptors. */
static void
leave_depth(unsigned levels)
{
	int start = open(".", O_RDONLY | O_DIRECTORY);

	for (unsigned level = 0; level < levels; level++) {
		must(mkdir("a directory of some length, so that its path is soon beyond any limit", 0700), "deep");
		must(chdir("a directory of some length, so that its path is soon beyond any limit"), "deep");
	}
	must(make("bottom", 0600), "bottom");
	must(chmod(".", 0), "bottom");
	must(fchdir(start), "start");
	close(start);
}

static void
leave_files(const char *root, unsigned levels)
{
	must(chdir(root), root);
	leave_names();
	leave_depth(levels);
	must(symlink("/etc", "link"), "link");
	must(symlink("..", "up"), "up");
	must(mkfifo("fifo", 0666), "fifo");
	close(bound("socket", false));
	int fd = open("secret", O_RDWR | O_CREAT, 0666);
	must(write(fd, "secret", 6), "secret");
	must(link("secret", "again"), "again");
	must(fsetxattr(fd, "user.secret", "secret", 6, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM ? -1 : 0,
	     "attribute of a file");
	must(fchmod(fd, 0), "mode");
	close(fd);
	must(mkdir("closed", 0700) | make("closed/file", 0) | chmod("closed", 0), "closed");
	must(mkdir("full", 0700), "full");
	for (int number = 0; number < 1000; number++) {
		char path[32];
		snprintf(path, sizeof path, "full/%d", number);
		must(make(path, 0600), path);
	}
}

/* What the owner of a directory may change of it. */
static void
change_root(const char *root)
{
	/* The access list that lets others in, and passes that on to what is made there. */
	static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 7, 0, 255, 255,
					    255, 255, 32, 0, 7, 0, 255, 255, 255, 255};
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 2}};

	int fd = open(root, O_RDONLY | O_DIRECTORY), flags = FS_NODUMP_FL | FS_NOATIME_FL;
	/* A kernel may know neither; the test compares what it can see of them. */
	(void)setxattr(root, "user.secret", "secret", 6, 0);
	(void)setxattr(root, "system.posix_acl_default", acl, sizeof acl, 0);
	(void)setxattr(root, "system.posix_acl_access", acl, sizeof acl, 0);
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	must(utimensat(AT_FDCWD, root, times, 0), root);
	must(chmod(root, strcmp(root, "/box") == 0 ? 0 : 03771), root);
	close(fd);
}

static void
leave_objects(void)
{
	struct {
		long type;
		char text[16];
	} message = {1, "secret"};

	for (int number = 0; number < 20; number++) {
		int id = shmget(KEY + number, 4096, IPC_CREAT | (number % 2 ? 0600 : 0));
		must(id, "shared memory");
		if (number % 2) {
			char *memory = shmat(id, NULL, 0);
			memcpy(memory, "secret", 6);
		}
		must(semget(KEY + number, 5, IPC_CREAT | (number % 2 ? 0600 : 0)), "semaphores");
		id = msgget(KEY + number, IPC_CREAT | (number % 2 ? 0600 : 0));
		must(id, "queue");
		if (number % 2)
			must(msgsnd(id, &message, sizeof message.text, 0), "message");
	}
	/* More than fit into one read of the table. */
	for (int number = 0; number < 1000; number++)
		must(msgget(IPC_PRIVATE, 0), "queue");
	mqd_t queue = mq_open("/secret", O_CREAT | O_RDWR, 0666, NULL);
	must(queue, "POSIX queue");
	must(mq_send(queue, "secret", 6, 1), "POSIX message");
	must(mq_open("/closed", O_CREAT | O_RDWR, 0, NULL), "POSIX queue");
	int memory = shm_open("/memory", O_CREAT | O_RDWR, 0);
	must(memory, "POSIX memory");
	must(ftruncate(memory, 1 << 20), "POSIX memory");
}

static void
bind_port(int type, int family)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9999), .sin6_addr = IN6ADDR_ANY_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(9999)};
	int fd = socket(family, type, 0);

	if (family == AF_INET6 && fd < 0)
		return; /* a machine without it */
	must(family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, 26 /* IPV6_V6ONLY */, &(int){1}, sizeof(int)) : 0, "v6");
	must(bind(fd, family == AF_INET6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
		  family == AF_INET6 ? sizeof six : sizeof four),
	     "port");
	if (type == SOCK_STREAM)
		must(listen(fd, 10), "port");
}

/* Sockets that hold each other, in flight: only the kernel's garbage collector frees them. */
static void
leave_cycle(void)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(2 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec byte = {"s", 1};
	struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "cycle");
	memcpy(CMSG_DATA(&control.header), pair, sizeof pair);
	must(sendmsg(pair[0], &message, 0), "cycle");
	close(pair[0]);
	close(pair[1]);
}

static void *
sleeps(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* A process that outlives its parent in a session of its own, ignores all signals and holds things. */
static void
leave_daemon(size_t megabytes)
{
	pthread_t thread;
	sigset_t all;

	int ready[2];
	must(pipe(ready), "pipe");
	if (fork() != 0) {
		char byte;
		close(ready[1]);
		must(read(ready[0], &byte, 1), "daemon");
		return;
	}
	setsid();
	if (fork() != 0)
		_exit(0);
	for (int number = 1; number < 65; number++)
		signal(number, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	bound("secret", true);
	bind_port(SOCK_STREAM, AF_INET);
	bind_port(SOCK_DGRAM, AF_INET);
	bind_port(SOCK_STREAM, AF_INET6);
	leave_cycle();
	int held = open("/tmp/held", O_RDWR | O_CREAT, 0600);
	must(ftruncate(held, 1 << 20) | unlink("/tmp/held"), "held");
	int locked = open("/etc/passwd", O_RDONLY);
	must(flock(locked, LOCK_SH), "lock");
	must(inotify_add_watch(inotify_init(), "/box", IN_ALL_EVENTS), "watch");
	char *memory = mmap(NULL, megabytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t at = 0; at < megabytes << 20; at += 4096)
		memory[at] = 's';
	int file = memfd_create("secret", 0);
	must(ftruncate(file, 1 << 20), "memfd");
	must(write(file, "secret", 6), "memfd");
	must(pthread_create(&thread, NULL, sleeps, NULL), "thread");
	must(write(ready[1], "r", 1), "ready");
	close(ready[1]);
	prctl(PR_SET_NAME, "\n)secret(");
	fflush(stdout);
	/* Who has started this program may wait for the end of its output. */
	for (int number = 0; number < 3; number++)
		close(number);
	if (fork() == 0)
		raise(SIGSTOP);
	for (;;)
		pause();
}

static void
change_self(void)
{
	struct rlimit none = {0, 0};
	struct itimerval timer = {.it_value = {.tv_sec = 1000}};
	timer_t posix;
	cpu_set_t one;
	sigset_t all;

	must(setpriority(PRIO_PROCESS, 0, 19), "niceness");
	must(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64}), "limits");
	must(setrlimit(RLIMIT_FSIZE, &none), "limits");
	must(setitimer(ITIMER_REAL, &timer, NULL), "timer");
	must(timer_create(CLOCK_MONOTONIC, NULL, &posix), "POSIX timer");
	CPU_ZERO(&one);
	sched_getaffinity(0, sizeof one, &one);
	for (int cpu = CPU_SETSIZE - 1; CPU_COUNT(&one) > 1 && cpu >= 0; cpu--)
		CPU_CLR(cpu, &one);
	must(sched_setaffinity(0, sizeof one, &one), "affinity");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	umask(0777);
	int adjust = open("/proc/self/oom_score_adj", O_WRONLY);
	must(write(adjust, "0", 1), "oom_score_adj");
	/* And of the supervisor. */
	for (int number = 1; number < 65; number++)
		if (kill(1, number) == 0)
			printf("signal %d to the supervisor\n", number);
	if (setpriority(PRIO_PROCESS, 1, 19) == 0)
		printf("niceness of the supervisor\n");
	if (sched_setaffinity(1, sizeof one, &one) == 0)
		printf("affinity of the supervisor\n");
}

/* Times of what is root's: of directories and links by their use, of devices by a touch. */
static void
leave_times(void)
{
	static const char *const DEVICES[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};
	static const char *const FOLDERS[] = {"/dev", "/dev/pts", "/etc"};
	char text[256];

	for (size_t at = 0; at < sizeof DEVICES / sizeof *DEVICES; at++)
		must(utimensat(AT_FDCWD, DEVICES[at], NULL, 0), DEVICES[at]);
	for (size_t at = 0; at < sizeof FOLDERS / sizeof *FOLDERS; at++) {
		struct dirent *entry;
		DIR *folder = opendir(FOLDERS[at]);
		must(folder == NULL ? -1 : 0, FOLDERS[at]);
		while ((entry = readdir(folder)) != NULL)
			(void)readlinkat(dirfd(folder), entry->d_name, text, sizeof text);
		closedir(folder);
	}
	int fd = open("/etc/passwd", O_RDONLY);
	must(read(fd, text, sizeof text), "/etc/passwd");
	close(fd);
}

static void
leave_connection(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(9998), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(listener, (struct sockaddr *)&here, sizeof here), "bind");
	must(listen(listener, 1), "listen");
	must(connect(client, (struct sockaddr *)&here, sizeof here), "connect");
	int server = accept(listener, NULL, NULL);
	close(server);
	close(client);
	close(listener);
}

/* An error that the network counts: there is no route. */
static void
leave_error(void)
{
	struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(0xC0000201)}};

	struct sockaddr_in6 nowhere6 = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = {{{0x20, 1, 0xd, 0xb8}}}};

	if (sendto(socket(AF_INET, SOCK_DGRAM, 0), "s", 1, 0, (struct sockaddr *)&nowhere, sizeof nowhere) >= 0 ||
	    sendto(socket(AF_INET6, SOCK_DGRAM, 0), "s", 1, 0, (struct sockaddr *)&nowhere6, sizeof nowhere6) >= 0)
		printf("a datagram was sent\n");
}

static void
leave_flow_label(void)
{
	struct in6_flowlabel_req label = {
		.flr_dst = IN6ADDR_LOOPBACK_INIT, .flr_label = htonl(0x5EC2E), .flr_action = IPV6_FL_A_GET,
		.flr_share = IPV6_FL_S_ANY, .flr_flags = IPV6_FL_F_CREATE, .flr_linger = 150, .flr_expires = 150,
	};

	must(setsockopt(socket(AF_INET6, SOCK_DGRAM, 0), IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &label, sizeof label), "flow label");
}

/* Without a packet. */
static void
leave_route(void)
{
	struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	must(connect(socket(AF_INET6, SOCK_DGRAM, 0), (struct sockaddr *)&here, sizeof here), "route");
}

static void
leave_fast_open_key(void)
{
	must(setsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_TCP, TCP_FASTOPEN, &(int){1}, sizeof(int)), "TCP Fast Open");
}

static const struct {
	const char *name;
	void (*leave)(void);
} networks[] = {
	{"connection", leave_connection}, {"error", leave_error}, {"flow-label", leave_flow_label},
	{"route", leave_route}, {"fast-open", leave_fast_open_key},
};

int
main(int argc, char **argv)
{
	size_t megabytes = argc > 1 ? (size_t)atoi(argv[1]) : 1;

	leave_objects();
	leave_daemon(megabytes);
	leave_files("/box", 1000);
	leave_files("/tmp", 1500);
	leave_files("/dev/shm", 500);
	if (fork() == 0)
		raise(SIGSEGV);
	for (int number = 2; number < argc; number++)
		for (size_t at = 0; at < sizeof networks / sizeof *networks; at++)
			if (strcmp(argv[number], networks[at].name) == 0)
				networks[at].leave();
	change_root("/box");
	change_root("/tmp");
	leave_times();
	for (int number = 0; number < 10; number++)
		if (fork() == 0)
			_exit(0); /* a zombie */
	change_self();
	printf("left\n");
	fflush(stdout);
	return 7;
}
