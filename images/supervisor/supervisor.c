/*
 * The supervisor: PID 1 of every box.
 *
 * THEORY OF OPERATION
 *
 * Processes. The supervisor is root inside the container, with just the capabilities to become
 * another user and to kill (SETUID, SETGID, KILL). It never executes anything as root: a *writer*
 * child puts the job's files into the work directory, and a *program* child runs a stage's command.
 * Both first become the run's own unprivileged uid, with no capability left and no_new_privs set.
 * The writer has ended before a program starts, so the program never meets another process of ours
 * under its own uid. The supervisor is not dumpable: the program can't open its /proc entries,
 * trace it or signal it.
 *
 * Pipes. Stdin and stdout are the attached streams of the container; frames travel on them (see
 * frames.h). The program sees three other pipes as its 0, 1 and 2, and nothing else: what it writes
 * is only ever payload, so no output can look like a frame.
 *
 * One loop. It sleeps in ppoll() on: the owner's frames, the room for ours, the program's pipes,
 * SIGCHLD, and the nearest moment at which a limit could be crossed. It never blocks elsewhere
 * while a program runs.
 *
 * The end of a stage is the end of its *main process*: everything else in the PID namespace is then
 * killed, what is still in the pipes is passed on, and the verdict follows. A background child that
 * holds stdout open delays nothing and outlives nothing.
 *
 * The end of the owner. End of file on stdin means that whoever started this box is gone. The
 * supervisor exits, the kernel kills the namespace, and the engine removes the container. For this
 * to work at any moment, stdin is always read: the owner may only send stdin data that the credit
 * window has room for, so a program that does not read can't clog the way of an end of file.
 *
 * Faults. What goes wrong here is reported in a fault frame and ends the box, never a stage's
 * verdict: see fault() in frames.h.
 *
 * Usage: supervisor UID WORKDIR
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "files.h"
#include "frames.h"
#include "input.h"
#include "stage.h"

static struct identity identity;

static void
handle(char type, char *payload, size_t size)
{
	switch (type) {
	case FRAME_FILE:
	case FRAME_DATA:
		if (stage_active())
			fault(FAULT_BOX, "a file came while a stage was running");
		files_pass(&identity, type, payload, size);
		break;
	case FRAME_STAGE:
		files_finish();
		stage_start(&identity, payload, size);
		break;
	case FRAME_STDIN:
		input_put(payload, size);
		frames_hurry();
		break;
	case FRAME_EOF:
		input_end();
		break;
	case FRAME_SIGNAL:
		if (size != 1)
			fault(FAULT_BOX, "a signal frame holds one byte");
		stage_signal(payload[0]);
		break;
	default:
		fault(FAULT_BOX, "unknown frame type %d", type);
	}
}

static void
reap_all(int child_fd)
{
	struct signalfd_siginfo info;

	/* Several children may stand behind one SIGCHLD, so its count says nothing. */
	while (read(child_fd, &info, sizeof info) > 0)
		continue;
	stage_reap();
}

int
main(int argc, char **argv)
{
	/* kill(-1) is how a stage is cleaned up. Outside a PID namespace it would take the machine. */
	if (getpid() != 1)
		fault(FAULT_BOX, "not PID 1 of a PID namespace");
	if (argc != 3)
		fault(FAULT_BOX, "usage: supervisor UID WORKDIR");
	identity.uid = (uid_t)strtoul(argv[1], NULL, 10);
	identity.workdir = argv[2];
	if (identity.uid == 0)
		fault(FAULT_BOX, "the program can't be given uid 0");

	/* What is ignored stays so across exec, down from whoever started the engine or this process:
	 * a shell's background job ignores SIGINT, and a shell can't trap what it was born ignoring. */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);

	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* so that the writer learns of the limit as an error */
	int child_fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	if (child_fd < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		fault(FAULT_BOX, "start: %s", strerror(errno));

	cgroup_open();
	frames_open();

	for (;;) {
		struct pollfd polled[POLLED_COUNT] = {
			[POLLED_OWNER_IN] = {.fd = STDIN_FILENO, .events = POLLIN | POLLRDHUP},
			[POLLED_OWNER_OUT] = {.fd = frames_blocked() ? STDOUT_FILENO : -1,
					      .events = POLLOUT},
			[POLLED_CHILD] = {.fd = child_fd, .events = POLLIN},
		};
		struct timespec timeout;
		stage_poll(polled);
		bool timed = stage_timeout(&timeout);
		if (ppoll(polled, POLLED_COUNT, timed ? &timeout : NULL, NULL) < 0 &&
		    errno != EINTR)
			fault(FAULT_BOX, "ppoll: %s", strerror(errno));

		/* Output before SIGCHLD: what a program wrote just before it ended comes out first. */
		stage_transfer(polled);
		if (polled[POLLED_CHILD].revents)
			reap_all(child_fd);
		stage_check_limits();
		stage_settle();
		if (polled[POLLED_OWNER_IN].revents)
			frames_read(handle);
		frames_flush(stage_running());
	}
}
