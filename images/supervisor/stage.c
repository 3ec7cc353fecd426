#include "stage.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "clock.h"
#include "command.h"
#include "frames.h"
#include "input.h"
#include "limits.h"
#include "program.h"
#include "streams.h"
#include "terminal.h"
#include "usage.h"
#include "verdict.h"
#include "watchdog.h"

static struct {
	enum { IDLE, RUNNING, DRAINING } state;
	struct program program;
	bool main_ended; /* the main process is reaped */
	int main_status; /* of wait(2) */
	enum limit limit; /* the one crossed first */
	int64_t started, ended; /* ns */
} stage;

static struct command command;
static bool shares_box;
static int64_t process_limit;

void
stage_share_box(int64_t processes)
{
	shares_box = true;
	process_limit = processes;
}

void
stage_start(const struct identity *identity, char *payload, size_t size)
{
	if (stage_active())
		fault(FAULT_BOX, "a stage came while one was running");
	command_parse(&command, payload, size);
	program_open(&stage.program, &command);
	stage.program.processes = process_limit;
	streams_open(stage.program.out, command.stdout_cap, stage.program.err, command.stderr_cap,
		     stage.program.packets);
	stage.main_ended = false;
	stage.main_status = 0;
	stage.limit = LIMIT_NONE;
	usage_start();
	stage.started = stage.ended = clock_now();
	limits_start(&command, stage.started);
	watchdog_start(stage.started + command.wall_limit);
	program_start(&stage.program, identity, &command);
	usage_main_process(stage.program.pid);
	input_open(stage.program.in);
	stage.state = RUNNING;
}

bool
stage_active(void)
{
	return stage.state != IDLE;
}

bool
stage_running(void)
{
	return stage.state == RUNNING;
}

void
stage_signal(int number)
{
	/* Until it is reaped its number can't have gone to another. In its first moments it leads no
	 * group yet. */
	if (stage.state == RUNNING && !stage.main_ended && kill(-stage.program.pid, number) < 0)
		kill(stage.program.pid, number);
}

void
stage_resize(const char *payload, size_t size)
{
	if (stage.state == RUNNING && stage.program.terminal >= 0)
		terminal_resize(stage.program.terminal, payload, size);
}

void
stage_poll(struct pollfd polled[POLLED_COUNT])
{
	/* poll() passes over a negative descriptor. */
	polled[POLLED_PROGRAM_IN] = (struct pollfd){.fd = input_fd(), .events = POLLOUT};
	polled[POLLED_PROGRAM_OUT] = (struct pollfd){.fd = streams_out_fd(), .events = POLLIN};
	polled[POLLED_PROGRAM_ERR] = (struct pollfd){.fd = streams_err_fd(), .events = POLLIN};
	polled[POLLED_PROGRAM_ORDER] = (struct pollfd){.fd = streams_order_fd(), .events = POLLIN};
}

bool
stage_timeout(struct timespec *timeout)
{
	if (stage.state != RUNNING)
		return false;
	int64_t next = limits_due();
	if (frames_due() < next)
		next = frames_due();
	if (streams_due() < next)
		next = streams_due();
	*timeout = clock_until(next);
	return true;
}

/* Of several limits the first counts. */
static void
note_limit(enum limit limit)
{
	if (stage.limit == LIMIT_NONE)
		stage.limit = limit;
}

void
stage_transfer(const struct pollfd polled[POLLED_COUNT])
{
	if (stage.state != RUNNING)
		return;
	if (polled[POLLED_PROGRAM_IN].revents)
		input_write();
	streams_transfer(polled[POLLED_PROGRAM_OUT].revents, polled[POLLED_PROGRAM_ERR].revents);
	note_limit(streams_limit());
}

/* Reap one child. False if there is none to reap. */
static bool
reap(int flags)
{
	struct rusage usage;
	int status;

	pid_t pid = wait4(-1, &status, flags, &usage);
	if (pid <= 0)
		return pid < 0 && errno == EINTR;
	usage_reaped(pid, &usage);
	if (pid == stage.program.pid) {
		stage.main_ended = true;
		stage.main_status = status;
		stage.ended = clock_now();
	}
	return true;
}

void
stage_reap(void)
{
	/* Between stages the only child is a writer or a collector, whose modules reap it. */
	while (stage.state == RUNNING && reap(WNOHANG))
		continue;
}

void
stage_check_limits(void)
{
	bool by_us = stage.main_ended && WIFSIGNALED(stage.main_status) &&
		     WTERMSIG(stage.main_status) == SIGKILL && watchdog_has_killed();

	if (stage.state == RUNNING && (!stage.main_ended || by_us) && stage.limit == LIMIT_NONE)
		note_limit(limits_check());
}

void
stage_abandon(void)
{
	stage_signal(SIGKILL);
}

static void
end_processes(void)
{
	if (shares_box)
		stage_signal(SIGKILL); /* without effect if the main process has ended */
	else
		kill(-1, SIGKILL);
	/* In a shared box a program can leave more of our children (CLONE_PARENT), which live on. */
	while (!(shares_box && stage.main_ended) && reap(0))
		continue;
	watchdog_stop();
	program_check_exec(&stage.program);
	input_close();
}

void
stage_finish(void)
{
	if (stage.state == RUNNING && (stage.main_ended || stage.limit != LIMIT_NONE)) {
		end_processes();
		stage.state = DRAINING;
	}
	if (stage.state != DRAINING)
		return;
	/* Every writer is dead, so nothing can be added to what is readable now; in a shared box those
	 * in the background can add up to the cap. The verdict waits until the controller has taken it. */
	if (!streams_drain())
		return;
	note_limit(streams_limit());
	streams_close();
	program_close(&stage.program);
	verdict_queue(&(struct verdict){
		.status = stage.main_status,
		.limit = stage.limit,
		.oom_killed = usage_oom_killed() || stage.limit == LIMIT_MEMORY,
		.wall_ns = stage.ended - stage.started,
		.cpu_ns = usage_cpu_ns(),
		.memory = usage_memory(),
	});
	input_end_credit();
	stage.state = IDLE;
}
