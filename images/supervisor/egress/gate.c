/*
 * gate SOCKET UID ADDRESS
 *
 * Lets the processes of one box, which have this user id, connect to squid. It runs in the proxy's
 * container. The socket belongs to the box's user, so that no other box can connect to it; ADDRESS,
 * one of loopback, is the client's address for squid, which knows the box by it.
 *
 * Prints `opened SOCKET` once the socket is there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "relay.h"

enum {
	NOBODY = 65534,
	RETRIES = 100, /* of a connection while squid starts, */
	RETRY_MS = 50, /* one after the other */
};

static struct sockaddr_in source = {.sin_family = AF_INET};

static int
dial_once(void)
{
	struct sockaddr_in squid = {.sin_family = AF_INET,
				    .sin_port = htons(PROXY_PORT),
				    .sin_addr = {htonl(INADDR_LOOPBACK)}};

	int target = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (target < 0)
		return -1;
	if (bind(target, (struct sockaddr *)&source, sizeof source) < 0 ||
	    connect(target, (struct sockaddr *)&squid, sizeof squid) < 0) {
		int error = errno;
		close(target);
		errno = error;
		return -1;
	}
	return target;
}

static int
dial(void)
{
	const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};

	for (int try = 0; try < RETRIES; try++) {
		int target = dial_once();
		if (target >= 0 || errno != ECONNREFUSED)
			return target;
		nanosleep(&pause, NULL);
	}
	return -1;
}

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "gate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int
listen_for(const char *path, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (unlink(path) < 0 && errno != ENOENT)
		fail(path);
	umask(0177);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
	    chown(path, uid, uid) < 0 || listen(listener, BACKLOG) < 0)
		fail(path);
	return listener;
}

int
main(int argc, char **argv)
{
	char *end;

	if (argc != 4 || strlen(argv[1]) >= sizeof((struct sockaddr_un *)0)->sun_path ||
	    inet_pton(AF_INET, argv[3], &source.sin_addr) != 1) {
		fputs("usage: gate SOCKET UID ADDRESS\n", stderr);
		return 2;
	}
	unsigned long uid = strtoul(argv[2], &end, 10);
	if (*end != '\0' || uid == 0 || uid > NOBODY) {
		fprintf(stderr, "gate: no user id of a box: %s\n", argv[2]);
		return 2;
	}
	int listener = listen_for(argv[1], (uid_t)uid);
	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		fail("its own user");
	printf("opened %s\n", argv[1]);
	fflush(stdout);
	relay_serve(listener, dial);
}
