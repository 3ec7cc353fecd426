/*
 * The supervisor: PID 1 of every box.
 *
 * Usage: supervisor UID WORKDIR [ptys]
 *
 * UID is the run's user. With `ptys`, programs can open pseudo-terminals.
 *
 * Usage, in the container of another supervisor: supervisor kill
 *
 * Kills all processes but that one, see watchdog.h.
 *
 * THEORY OF OPERATION
 *
 * Processes and privileges. The supervisor is root inside the container, with only the capabilities
 * to become another user and to kill (SETUID, SETGID, KILL). It never executes anything as root: a
 * *writer* child writes the job's files into the work directory, and a *program* child runs a
 * stage's command. Both first become the run's own unprivileged uid, with no capability left and
 * no_new_privs set. The writer has ended before a program starts, so the program never meets another
 * process of ours under its own uid. The supervisor is not dumpable: the program can't open its
 * /proc entries, trace it or signal it.
 *
 * Pipes. Stdin and stdout are the attached streams of the container. They carry the frames to and
 * from the *controller*, the service that made the box (see frames.h and docs/protocol.md). The
 * program has three other pipes, or a terminal, as its 0, 1 and 2, and no further descriptor: its
 * output is only ever payload, so no output can look like a frame.
 *
 * Loop. It sleeps in ppoll() on: the controller's frames, the room for ours, the program's pipes,
 * SIGCHLD, and the next moment at which a limit could be crossed. Then it transfers I/O, reaps
 * children, checks limits and finishes the stage. It never blocks elsewhere while a program runs, unless
 * the program holds the lock of a pipe; for that there is a second thread: see watchdog.h.
 *
 * End of a stage. A stage ends with its *main process*: all other processes of the PID namespace are
 * then killed, the rest of the pipes is transferred, and the verdict follows. A background child
 * that keeps stdout open neither delays the end nor outlives it.
 *
 * Collection. At the controller's wish, a *collector* child, which is the run's user, too, reads the
 * files that the job has made. No process of the job is alive then: see collection.h.
 *
 * Reset. At the controller's wish the box is made as new for another job, by a *cleaner* child, which
 * is the run's user, too. What it can't remove the proof finds, and then the box ends: see reset.h.
 *
 * Channels. A box that lives on serves several conversations at once: PID 1 passes the bytes of each
 * on to a *handler* child, which is a supervisor itself and runs the same loop: see channels.h.
 *
 * End of the controller. End of file on stdin means that the controller is gone. The supervisor
 * exits, the kernel kills the namespace, and the engine removes the container. For this to work at
 * any moment, stdin is always read: the controller may only send stdin data that the credit window
 * has room for, so a program that does not read can't block the way of an end of file.
 *
 * Faults. An error of the box, as opposed to one of the program, is reported in a fault frame and
 * ends the box; it never becomes a verdict. See fault() in frames.h.
 *
 * Modules, from the top down; each uses only modules below it:
 *
 *   supervisor   the loop
 *   channels     several conversations in one box
 *   reset        the reset between two jobs, and its proof
 *   cleaner      the child that removes what a job has left
 *   roots        the directories that the run's user can write to
 *   devices      the times of what is in /dev
 *   tables       the kernel's tables of the box's namespaces
 *   collection   the files that a job has made: the supervisor's end of the collector
 *   collector    the child that reads them
 *   pattern      the patterns that say which
 *   stage        the state machine of a stage
 *   program      the child that becomes the program
 *   streams      the program's stdout and stderr, into frames
 *   packets      writes, from their signals and packets
 *   full_pipe    the signals of writes that waited for room
 *   long_writes  the signals and packets of writes of more than a page
 *   taken        the packets that were taken out of a pipe
 *   verdict      the report of a finished stage
 *   watchdog     the thread that kills a program for which the loop waits
 *   limits       checks of wall time, CPU time and sockets
 *   usage        CPU time and memory of a stage
 *   memory       the peak of its memory, and whether it has too little
 *   sockets      memory of sockets that no cgroup charges
 *   order        the order of writes to two pipes
 *   input        the program's stdin, from frames
 *   files        the job's files: the supervisor's end of the writer
 *   writer       the child that writes them
 *   etc          the box's /etc
 *   command      the decoded STAGE frame
 *   terminal     a pseudo-terminal, in place of pipes
 *   identity     the run's user
 *   cgroup       the kernel's counters
 *   filter       seccomp filters
 *   frames       framing, queues, faults
 *   small_file   small files of /proc
 *   clock        the time
 *   times        times of files
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "channels.h"
#include "collection.h"
#include "etc.h"
#include "files.h"
#include "frames.h"
#include "identity.h"
#include "input.h"
#include "order.h"
#include "reset.h"
#include "small_file.h"
#include "stage.h"
#include "watchdog.h"

enum { OWN_PROCESSES = 2 }; /* PID 1 and its watchdog */

static struct identity identity;
static int child_fd; /* of SIGCHLD */
static bool is_handler;

static void serve_channel(void);

/* Whether a frame needs a box in which nothing is going on. */
static bool
begins_something(char type)
{
	return type == FRAME_FILE || type == FRAME_DATA || type == FRAME_MODE || type == FRAME_STAGE ||
	       type == FRAME_COLLECT || type == FRAME_RESET;
}

static void
handle(char type, char *payload, size_t size)
{
	if (begins_something(type) && channels_used())
		fault(FAULT_BOX, "a job's frame of type %d came outside a channel", type);
	if (begins_something(type) && (reset_active() || collection_active()))
		fault(FAULT_BOX, "a job's frame of type %d came during a %s", type,
		      reset_active() ? "reset" : "collection");
	switch (type) {
	case FRAME_FILE:
	case FRAME_DATA:
	case FRAME_MODE:
		if (stage_active())
			fault(FAULT_BOX, "a file came while a stage was running");
		files_forward(&identity, type, payload, size);
		break;
	case FRAME_STAGE:
		files_finish();
		stage_start(&identity, payload, size);
		break;
	case FRAME_STDIN:
		input_add(payload, size);
		frames_expedite();
		break;
	case FRAME_EOF:
		input_end();
		break;
	case FRAME_SIGNAL:
		if (size != 1)
			fault(FAULT_BOX, "a signal frame holds one byte");
		stage_signal(payload[0]);
		break;
	case FRAME_RESET:
		if (stage_active() || files_pending() || is_handler)
			fault(FAULT_BOX, "a reset came amid a job");
		reset_start(&identity);
		break;
	case FRAME_COLLECT:
		if (stage_active() || files_pending())
			fault(FAULT_BOX, "a collection came amid a job");
		collection_start(&identity, payload, size);
		break;
	case FRAME_CHANNEL:
		if (stage_active() || files_pending() || reset_active() || collection_active() ||
		    is_handler)
			fault(FAULT_BOX, "a channel came amid a job");
		channels_receive(payload, size, serve_channel);
		break;
	case FRAME_CONSUMED:
		channels_consumed(payload, size);
		break;
	case FRAME_RESIZE:
		stage_resize(payload, size);
		break;
	default:
		fault(FAULT_BOX, "unknown frame type %d", type);
	}
}

/* All ptys of a host are from one pool, of 4096 by default: one run took most of them, and another
 * container got none. The container's devpts is root's, so we may change its mode, though the root
 * file system is read-only, and the run's user may not. An engine need not have one; without the file
 * there are no ptys. gVisor's are its own, and it need not know the mode. */
static void
close_ptys(void)
{
	chmod("/dev/ptmx", 0600);
	chmod("/dev/pts/ptmx", 0600);
}

static void
reap(void)
{
	struct signalfd_siginfo info;

	/* One SIGCHLD may stand for several children, so the number of signals is not theirs. */
	while (read(child_fd, &info, sizeof info) > 0)
		continue;
	stage_reap();
	channels_reap();
}

_Noreturn static void
serve(void)
{
	for (;;) {
		struct pollfd polled[POLLED_COUNT + MAX_CHANNELS] = {
			[POLLED_CONTROLLER_IN] = {.fd = STDIN_FILENO, .events = POLLIN | POLLRDHUP},
			[POLLED_CONTROLLER_OUT] = {.fd = frames_blocked() ? STDOUT_FILENO : -1,
						   .events = POLLOUT},
			[POLLED_CHILD] = {.fd = child_fd, .events = POLLIN},
			[POLLED_COLLECTION] = {.fd = collection_fd(), .events = POLLIN},
		};
		struct timespec timeout;
		stage_poll(polled);
		size_t count = POLLED_COUNT + channels_poll(polled + POLLED_COUNT);
		bool timed = stage_timeout(&timeout) || reset_timeout(&timeout) ||
			     channels_timeout(&timeout);
		if (ppoll(polled, count, timed ? &timeout : NULL, NULL) < 0 &&
		    errno != EINTR)
			fault(FAULT_BOX, "ppoll: %s", strerror(errno));

		/* Output before SIGCHLD: what a program wrote just before its end goes first. */
		stage_transfer(polled);
		if (polled[POLLED_CHILD].revents)
			reap();
		stage_check_limits();
		stage_finish();
		if (polled[POLLED_COLLECTION].revents)
			collection_transfer();
		channels_transfer();
		channels_check();
		if (polled[POLLED_CONTROLLER_IN].revents)
			frames_read(handle);
		reset_prove();
		frames_flush(stage_running());
	}
}

/* What a handler does, after its fork. */
static void
serve_channel(void)
{
	/* What the box may have beyond is for handlers, and for one child of each: so there is always
	 * room for another command, such as one that kills what fills the box. */
	int64_t kept = 2 * MAX_CHANNELS + OWN_PROCESSES;
	int64_t limit = cgroup_process_limit();

	is_handler = true;
	watchdog_leave();
	cgroup_leave();
	stage_share_box(limit > kept ? limit - kept : 0);
	frames_open(stage_abandon);
	serve();
}

/* A second supervisor, which the controller has had the engine start. Without any other in its PID
 * namespace it would take the machine. */
static int
kill_box(void)
{
	char name[16];

	small_file_read("/proc/1/comm", name, sizeof name);
	if (getpid() == 1 || strcmp(name, "supervisor\n") != 0 || kill(-1, SIGKILL) < 0)
		return 1;
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "kill") == 0)
		return kill_box();
	/* kill(-1) is how a stage is cleaned up. Outside a PID namespace it would take the machine. */
	if (getpid() != 1)
		fault(FAULT_BOX, "not PID 1 of a PID namespace");
	bool ptys = argc == 4 && strcmp(argv[3], "ptys") == 0;
	if (argc != 3 && !ptys)
		fault(FAULT_BOX, "usage: supervisor UID WORKDIR [ptys]");
	identity.uid = (uid_t)strtoul(argv[1], NULL, 10);
	identity.workdir = argv[2];
	if (identity.uid == 0)
		fault(FAULT_BOX, "the program can't be given uid 0");

	/* An ignored signal stays ignored across exec, whichever process started the engine or this
	 * one: a shell's background job ignores SIGINT, and a shell can't trap a signal that was
	 * ignored when it started. */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);

	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* the writer gets an error from write() instead */
	child_fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	if (child_fd < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		fault(FAULT_BOX, "start: %s", strerror(errno));

	if (!ptys)
		close_ptys();
	etc_fill(identity.uid);
	cgroup_open();
	order_open();
	frames_open(NULL);
	watchdog_open();
	reset_open(&identity);
	serve();
}
