#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frames.h"
#include "order.h"
#include "sockets.h"
#include "taken.h"

enum {
	NICENESS = 10,
	PACKET_PIPE_PAGES = 64, /* each write takes one of them, however small */
};

/* A pipe to or from the program. Its inode is root's: without the chmod the program could not open
 * its own /dev/stdout. False if the kernel does not know a flag. */
static bool
open_pipe(int ends[2], int ours, int flags)
{
	if (pipe2(ends, O_CLOEXEC | flags) < 0) {
		if (errno == EINVAL)
			return false;
		fault(FAULT_BOX, "stage: pipe: %s", strerror(errno));
	}
	if (fchmod(ends[0], 0666) < 0 ||
	    fcntl(ends[ours], F_SETFL, fcntl(ends[ours], F_GETFL) | O_NONBLOCK) < 0)
		fault(FAULT_BOX, "stage: pipe: %s", strerror(errno));
	return true;
}

/* A pipe of packets, for stdout or stderr. A program in a session may run for hours beside many
 * others, and the kernel bounds the pages in pipes of a user, who is the same in all boxes: it keeps
 * the default size. So does one that comes when the bound is reached. */
static bool
open_packet_pipe(int ends[2], bool interactive)
{
	if (!open_pipe(ends, 0, O_DIRECT))
		return false;
	if (!interactive) {
		size_t size = PACKET_PIPE_PAGES * page_size();
		fcntl(ends[0], F_SETPIPE_SZ, size < TAKEN_SIZE ? size : TAKEN_SIZE);
	}
	return true;
}

static void
open_terminal(struct program *program, const struct command *command)
{
	struct terminal terminal;

	terminal_open(&terminal, command->terminal);
	/* Each of the two is closed by its module. */
	int in = fcntl(terminal.master, F_DUPFD_CLOEXEC, 0);
	if (in < 0)
		fault(FAULT_BOX, "stage: terminal: %s", strerror(errno));
	*program = (struct program){
		.in = in,
		.out = terminal.master,
		.err = -1,
		.terminal = terminal.slave,
		.child = {terminal.slave, terminal.slave, terminal.slave, -1},
	};
}

static void
open_pipes(struct program *program, const struct command *command)
{
	int in[2], out[2], err[2] = {-1, -1};
	bool packets = false;

	open_pipe(in, 1, 0);
	if (command->merge) {
		open_pipe(out, 0, 0);
	} else {
		packets = open_packet_pipe(out, command->interactive) &&
			  open_packet_pipe(err, command->interactive);
		if (!packets) {
			open_pipe(out, 0, 0);
			open_pipe(err, 0, 0);
		}
	}
	*program = (struct program){
		.in = in[1],
		.out = out[0],
		.err = err[0],
		.packets = packets,
		.terminal = -1,
		.child = {in[0], out[1], command->merge ? out[1] : err[1], -1},
	};
}

void
program_open(struct program *program, const struct command *command)
{
	int exec_error[2];

	if (command->terminal.rows > 0)
		open_terminal(program, command);
	else
		open_pipes(program, command);
	if (pipe2(exec_error, O_CLOEXEC | O_NONBLOCK) < 0)
		fault(FAULT_BOX, "stage: pipe: %s", strerror(errno));
	program->exec_error = exec_error[0];
	program->child.exec_error = exec_error[1];
}

/* When memory runs out, the kernel shall pick the program, not the supervisor. A program that lowers
 * its score again can still have the supervisor picked, and then the controller asks the engine for
 * the cause: to forbid it takes CAP_SYS_RESOURCE, which not every engine can give. As root: changing
 * the uid leaves our /proc files to root, and to make us dumpable would let processes of that uid, if
 * there are any, trace us before the exec. */
static bool
raise_oom_score(void)
{
	int adjust = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	return adjust >= 0 && write(adjust, "1000", 4) == 4;
}

/* The soft limit only, of which a thread of glibc gets as much, too: address space, no memory. It is
 * never "unlimited", with which the kernel lays out the address space in an older way. */
static bool
limit_stack(int64_t size)
{
	struct rlimit limit;

	if (size == 0)
		return true;
	if (getrlimit(RLIMIT_STACK, &limit) < 0)
		return false;
	limit.rlim_cur = (rlim_t)size < limit.rlim_max ? (rlim_t)size : limit.rlim_max;
	return setrlimit(RLIMIT_STACK, &limit) == 0;
}

/* Why a command can't be executed is a matter of the job, or of the package: there is no such file,
 * or the arguments are too long. But not if the machine or the box lacks something. */
static enum fault_kind
exec_fault(int error)
{
	switch (error) {
	case EAGAIN:
	case EIO:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return FAULT_BOX;
	default:
		return FAULT_COMMAND;
	}
}

/* Each box has a user of its own, so these are the box's. As the limit comes after the change of the
 * uid, it counts for the forks of the program and not for its exec. An engine need not know it. */
static void
limit_processes(int64_t number)
{
	struct rlimit limit = {.rlim_cur = (rlim_t)number, .rlim_max = (rlim_t)number};

	if (number > 0)
		setrlimit(RLIMIT_NPROC, &limit);
}

static bool
begin_session(const struct program *program)
{
	return program->terminal >= 0 ? terminal_control(program->terminal) : setsid() >= 0;
}

/* The supervisor shares the box's processors with all that the program starts. An engine that runs
 * with a higher niceness can't lower it. */
static bool
raise_niceness(void)
{
	return getpriority(PRIO_PROCESS, 0) >= NICENESS ||
	       setpriority(PRIO_PROCESS, 0, NICENESS) == 0;
}

/* One that is not PID 1 may be killed, see channels.h. A change of the uid would undo it. */
static bool
die_with_supervisor(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

_Noreturn static void
become_program(const struct program *program, const struct identity *identity,
	       const struct command *command)
{
	enum fault_kind kind = FAULT_BOX;
	sigset_t none;

	if (raise_niceness() && raise_oom_score() && identity_assume(identity) && die_with_supervisor() &&
	    limit_stack(command->stack_limit) &&
	    dup2(program->child.in, STDIN_FILENO) >= 0 &&
	    dup2(program->child.out, STDOUT_FILENO) >= 0 &&
	    dup2(program->child.err, STDERR_FILENO) >= 0 && begin_session(program)) {
		signal(SIGPIPE, SIG_DFL);
		signal(SIGXFSZ, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		environ = (char **)command->variables; /* execvp() looks for PATH there */
		order_leave();
		sockets_restrict();
		limit_processes(program->processes);
		execvp(command->arguments[0], command->arguments);
		kind = exec_fault(errno);
	}
	dprintf(program->child.exec_error, "%c%.200s: %s", kind, command->arguments[0],
		strerror(errno));
	_exit(127);
}

void
program_start(struct program *program, const struct identity *identity,
	      const struct command *command)
{
	program->pid = fork();
	if (program->pid < 0)
		fault(FAULT_BOX, "stage: fork: %s", strerror(errno));
	if (program->pid == 0)
		become_program(program, identity, command);
	close(program->child.exec_error);
	if (program->terminal >= 0)
		return;
	close(program->child.in);
	close(program->child.out);
	if (program->err >= 0)
		close(program->child.err);
}

void
program_close(struct program *program)
{
	if (program->terminal >= 0)
		close(program->terminal);
	program->terminal = -1;
}

void
program_check_exec(struct program *program)
{
	char error[400];

	ssize_t got = read(program->exec_error, error, sizeof error - 1);
	close(program->exec_error);
	if (got > 0) {
		error[got] = '\0';
		fault((enum fault_kind)error[0], "%s", error + 1);
	}
}
