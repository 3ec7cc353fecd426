/*
 * online SOCKET PROGRAM [ARGUMENT]...
 *
 * Executes a program of a box for which the Unix socket is reachable as a proxy at
 * 127.0.0.1:PROXY_PORT. A process in the background sees to that; it stays for the next programs of
 * the box. It runs as the program does, and a program that kills it has no network until the next
 * command of its box.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay.h"

static struct sockaddr_un gate = {.sun_family = AF_UNIX};

static int
dial(void)
{
	int target = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (target >= 0 && connect(target, (struct sockaddr *)&gate, sizeof gate) < 0) {
		close(target);
		return -1;
	}
	return target;
}

/* Return a listening socket; -1 if there is one, of an earlier command, or none can be. */
static int
listen_on_loopback(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(PROXY_PORT),
				      .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int reuse = 1;

	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		return -1;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(listener, BACKLOG) < 0) {
		close(listener);
		return -1;
	}
	return listener;
}

/* Begin a life apart from the command, whose streams would stay open with ours. */
static _Noreturn void
become_relay(int listener)
{
	setsid();
	if (dup2(listener, 0) < 0 || chdir("/") < 0)
		_exit(1);
	close_range(1, ~0U, 0);
	relay_serve(0, dial);
}

static void
start_relay(void)
{
	int listener = listen_on_loopback();
	if (listener < 0)
		return;
	/* Through a process that ends: a child that the program has not made would confuse it. */
	pid_t child = fork();
	if (child == 0) {
		pid_t relay = fork();
		if (relay == 0)
			become_relay(listener);
		_exit(0);
	}
	close(listener);
	if (child > 0)
		waitpid(child, NULL, 0);
}

int
main(int argc, char **argv)
{
	if (argc < 3 || strlen(argv[1]) >= sizeof gate.sun_path) {
		fputs("usage: online SOCKET PROGRAM [ARGUMENT]...\n", stderr);
		return 2;
	}
	strcpy(gate.sun_path, argv[1]);
	start_relay();
	execvp(argv[2], argv + 2);
	fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
