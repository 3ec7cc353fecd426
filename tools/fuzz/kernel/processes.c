/* Processes: fork, kill, wait and exit, of the supervisor and its children. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"

pid_t
fake_fork(void)
{
	if (kernel.fork_fails) {
		kernel.fork_fails = false;
		kernel.opened_pipes = 0;
		kernel.program_pipe_count = 0;
		kernel.socket_in = NULL;
		return (pid_t)fail(EAGAIN);
	}
	if (kernel.socket_in != NULL)
		return handler_start();
	if (kernel.opened_pipes == 0) {
		kernel.cleaner.alive = true;
		return CLEANER_PID;
	}
	size_t opened = kernel.opened_pipes;
	kernel.opened_pipes = 0;
	if (kernel.program_pipe_count == 0 && opened == 1)
		return collector_start();
	if (kernel.program_pipe_count == 0) {
		kernel.writer.alive = true;
		kernel.writer.received = kernel.writer.read = 0;
		kernel.writer.error->writers++;
		return WRITER_PID;
	}
	kernel.program.alive = true;
	kernel.program.started = kernel.clock;
	kernel.program.in = kernel.program_pipes[0];
	kernel.program.out = kernel.program_pipes[1];
	kernel.program.err = kernel.program_pipes[kernel.program_pipe_count - 1];
	kernel.program.in->readers++;
	kernel.program.reads = true;
	kernel.program.out->writers++;
	kernel.program.err->writers++;
	kernel.program_pipe_count = 0;
	return PROGRAM_PID;
}

void
program_close_stdin(void)
{
	if (kernel.program.reads)
		kernel.program.in->readers--;
	kernel.program.reads = false;
}

void
program_end(int status)
{
	if (!kernel.program.alive)
		return;
	kernel.program.alive = false;
	kernel.program.zombie = true;
	kernel.program.status = status;
	program_close_stdin();
	kernel.program.out->writers--;
	pipe_signal(kernel.program.out);
	kernel.program.err->writers--;
	pipe_signal(kernel.program.err);
	kernel.child_signal = true;
	controller_program_ended(status);
}

int
fake_kill(pid_t pid, int number)
{
	if (pid == -1 && number == 0) {
		require(!kernel.program.alive && !kernel.cleaner.alive && !kernel.collector.alive,
			"a proof comes after the end");
		return (kernel.residue & A_PROCESS) != 0 ? 0 : (int)fail(ESRCH);
	}
	if (pid == -1) {
		require(!kernel.writer.alive && !kernel.collector.alive, "only the program is killed");
		program_end(SIGKILL);
		return 0;
	}
	if (pid >= FIRST_HANDLER_PID) {
		require(number == SIGKILL && (handler_of(pid)->alive || handler_of(pid)->zombie),
			"a handler is killed while its number is its own");
		handler_end(handler_of(pid), false);
		return 0;
	}
	require((pid == PROGRAM_PID || pid == -PROGRAM_PID) &&
			(kernel.program.alive || kernel.program.zombie),
		"signals go to the program while its number is its own");
	if (number < 0 || number > 64)
		return (int)fail(EINVAL);
	if (number == SIGKILL || number == SIGTERM)
		program_end(number);
	return 0;
}

pid_t
fake_wait4(pid_t pid, int *status, int flags, struct rusage *usage)
{
	require(pid == -1, "any child is reaped");
	memset(usage, 0, sizeof *usage);
	if (kernel.orphans > 0) {
		kernel.orphans--;
		*status = 0;
		return ORPHAN_PID;
	}
	if (kernel.program.zombie) {
		kernel.program.zombie = false;
		*status = kernel.program.status;
		return PROGRAM_PID;
	}
	if (!kernel.program.alive)
		return (pid_t)fail(ECHILD);
	require((flags & WNOHANG) != 0, "no live process is waited for");
	return 0;
}

static pid_t
reap_any(void)
{
	if (kernel.orphans > 0) {
		kernel.orphans--;
		return ORPHAN_PID;
	}
	for (pid_t pid = FIRST_HANDLER_PID; pid < FIRST_HANDLER_PID + HANDLERS; pid++) {
		if (handler_of(pid)->zombie) {
			handler_of(pid)->zombie = false;
			return pid;
		}
	}
	return 0;
}

pid_t
fake_waitpid(pid_t pid, int *status, int flags)
{
	if (pid == -1) {
		require((flags & WNOHANG) != 0, "no live process is waited for");
		return reap_any();
	}
	if (pid == CLEANER_PID) {
		require(kernel.cleaner.alive, "a cleaner is reaped once");
		cleaner_run();
		*status = kernel.cleaner.status;
		return CLEANER_PID;
	}
	if (pid == COLLECTOR_PID) {
		require(kernel.collector.zombie, "the collector's frames are read first");
		kernel.collector.zombie = false;
		*status = kernel.collector.status;
		return COLLECTOR_PID;
	}
	require(pid == WRITER_PID && kernel.writer.zombie, "the writer's error is read first");
	kernel.writer.zombie = false;
	*status = kernel.writer.status;
	return WRITER_PID;
}

void
fake__exit(int status)
{
	if (kernel.cleaner.running) {
		kernel.cleaner.status = status << 8;
		longjmp(kernel.cleaner.exit, 1);
	}
	if (kernel.writer.running) {
		kernel.writer.status = status << 8;
		longjmp(kernel.writer.exit, 1);
	}
	require(status != 0 || kernel.controller.gone,
		"the supervisor stays while its controller does");
	controller_supervisor_exited(
		status,
		!kernel.controller.limited && (!kernel.controller.gone || kernel.controller.done),
		kernel.controller.done);
	longjmp(kernel.exit, 1);
}

pid_t
fake_getpid(void)
{
	return SUPERVISOR_PID;
}

int
fake_getrusage(int who, struct rusage *usage)
{
	(void)who;
	memset(usage, 0, sizeof *usage);
	return 0;
}
