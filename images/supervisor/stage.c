#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "command.h"
#include "frames.h"
#include "input.h"
#include "order.h"

enum { NICENESS = 10 };

struct stream {
	int fd; /* -1 once at its end */
	enum frame_type type;
	size_t left; /* bytes until the cap */
	const char *limit;
};

static struct {
	enum { IDLE, RUNNING, DRAINING } state;
	pid_t main_process;
	bool main_ended;
	int main_status;
	int exec_answer; /* why the command could not be executed comes from there, if so */
	struct stream out, err;
	const char *limit; /* the one that was crossed, or NULL */

	int64_t started, ended; /* ns */
	int64_t cpu_check;      /* ns; the time of the next look */
	int64_t cpu_base, peak_base, oom_base;
	int64_t resident; /* bytes: the largest of any one process */
} stage;

static struct command command;

static int64_t
usage_ns(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * (int64_t)SECOND +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* CPU time of the stage's processes. The supervisor shares their cgroup: its own part is taken off.
 * Without a cgroup: the buried ones and, while it lives, the main process. */
static int64_t
cpu_total(void)
{
	if (cgroup_present())
		return cgroup_cpu_ns() - usage_ns(RUSAGE_SELF);

	int64_t total = usage_ns(RUSAGE_CHILDREN);
	clockid_t clock;
	struct timespec time;
	if (stage.main_process > 0 && !stage.main_ended &&
	    clock_getcpuclockid(stage.main_process, &clock) == 0 && clock_gettime(clock, &time) == 0)
		total += (int64_t)time.tv_sec * SECOND + time.tv_nsec;
	return total;
}

/* A pipe between us and the program. Its inode is root's: without the chmod the program could not
 * open its own /dev/stdout. */
static void
open_pipe(int ends[2], int ours)
{
	if (pipe2(ends, O_CLOEXEC) < 0 || fchmod(ends[0], 0666) < 0 ||
	    fcntl(ends[ours], F_SETFL, fcntl(ends[ours], F_GETFL) | O_NONBLOCK) < 0)
		fault(FAULT_BOX, "stage: pipe: %s", strerror(errno));
}

/* When memory runs out, the kernel shall pick the program, not the supervisor. A program that lowers
 * its score again can still have us picked, and then the owner asks the engine what happened: to
 * forbid it takes CAP_SYS_RESOURCE, which not every engine can give. */
static bool
raise_oom_score(void)
{
	/* Changing the uid made us undumpable and our /proc files root's. Nothing else has this uid
	 * yet, and exec would lift it anyway. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return false;
	int adjust = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	return adjust >= 0 && write(adjust, "1000", 4) == 4;
}

_Noreturn static void
program_main(const struct identity *identity, int in, int out, int err, int answer, int order)
{
	sigset_t none;

	/* The supervisor shares the box's processors with all that the program starts. */
	if (setpriority(PRIO_PROCESS, 0, NICENESS) == 0 && identity_assume(identity) &&
	    raise_oom_score() && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(err, STDERR_FILENO) >= 0) {
		setsid();
		signal(SIGPIPE, SIG_DFL);
		signal(SIGXFSZ, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		environ = command.variables; /* execvp() looks for PATH there */
		if (order >= 0)
			order_offer(order);
		execvp(command.arguments[0], command.arguments);
	}
	dprintf(answer, "can't start %.200s: %s", command.arguments[0], strerror(errno));
	_exit(127);
}

void
stage_start(const struct identity *identity, char *payload, size_t size)
{
	int in[2], out[2], err[2] = {-1, -1}, answer[2], order[2] = {-1, -1};

	if (stage_active())
		fault(FAULT_BOX, "a stage came while one was running");
	memset(&stage, 0, sizeof stage);
	command_parse(&command, payload, size);

	open_pipe(in, 1);
	open_pipe(out, 0);
	if (!command.merge)
		open_pipe(err, 0);
	if (pipe2(answer, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    (!command.merge && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, order) < 0))
		fault(FAULT_BOX, "stage: pipe: %s", strerror(errno));

	stage.cpu_base = cpu_total();
	stage.peak_base = cgroup_memory_peak();
	stage.oom_base = cgroup_oom_kills();
	stage.started = stage.cpu_check = clock_now();
	pid_t child = fork();
	if (child < 0)
		fault(FAULT_BOX, "stage: fork: %s", strerror(errno));
	if (child == 0)
		program_main(identity, in[0], out[1], command.merge ? out[1] : err[1], answer[1],
			     order[1]);
	close(in[0]);
	close(out[1]);
	close(answer[1]);
	if (!command.merge) {
		close(err[1]);
		close(order[1]);
		order_await(order[0]);
	}

	stage.main_process = child;
	stage.exec_answer = answer[0];
	stage.out = (struct stream){out[0], FRAME_STDOUT, command.stdout_cap, "stdout"};
	stage.err = (struct stream){err[0], FRAME_STDERR, command.stderr_cap, "stderr"};
	input_open(in[1]);
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
stage_signal(int signal_number)
{
	/* Until it is buried its number can't have gone to another. In its first moments it leads no
	 * group yet. */
	if (stage.state == RUNNING && !stage.main_ended &&
	    kill(-stage.main_process, signal_number) < 0)
		kill(stage.main_process, signal_number);
}

static bool
readable(const struct stream *stream)
{
	return stream->fd >= 0 && frames_room() > 0;
}

void
stage_poll(struct pollfd polled[POLLED_COUNT])
{
	polled[POLLED_PROGRAM_IN] =
		(struct pollfd){.fd = input_fd(), .events = POLLOUT};
	polled[POLLED_PROGRAM_OUT] =
		(struct pollfd){.fd = readable(&stage.out) ? stage.out.fd : -1, .events = POLLIN};
	polled[POLLED_PROGRAM_ERR] =
		(struct pollfd){.fd = readable(&stage.err) ? stage.err.fd : -1, .events = POLLIN};
	polled[POLLED_PROGRAM_ORDER] = (struct pollfd){.fd = order_fd(), .events = POLLIN};
	/* poll() passes over a negative fd, but not over an idle stage's zeroes. */
	if (!stage_active())
		polled[POLLED_PROGRAM_OUT].fd = polled[POLLED_PROGRAM_ERR].fd = -1;
}

bool
stage_timeout(struct timespec *timeout)
{
	if (stage.state != RUNNING)
		return false;
	/* A held program waits for us alone: once there is room again, no descriptor tells. */
	if (order_holds() && frames_room() > 0) {
		*timeout = (struct timespec){0};
		return true;
	}
	int64_t next = stage.started + command.wall_limit;
	if (command.cpu_limit > 0 && stage.cpu_check < next)
		next = stage.cpu_check;
	if (frames_due() < next)
		next = frames_due();
	int64_t left = next - clock_now();
	if (left < 0)
		left = 0;
	timeout->tv_sec = left / SECOND;
	timeout->tv_nsec = left % SECOND;
	return true;
}

static void
stream_close(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

/* Pass on what one read gives. True if there may be more at once. */
static bool
transfer(struct stream *stream)
{
	size_t room = frames_room();

	if (stream->fd < 0 || room == 0)
		return false;
	/* One byte more than the cap allows tells an output just at it from one over it. */
	size_t limit = room <= stream->left ? room : stream->left + 1;
	ssize_t got = frames_put_from(stream->type, stream->fd, limit, stream->left);
	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0 || (size_t)got > stream->left) {
		if (got > 0 && stage.limit == NULL)
			stage.limit = stream->limit;
		stream_close(stream);
		return false;
	}
	stream->left -= (size_t)got;
	/* A pipe gives all it has, so less than was asked for is all. */
	return (size_t)got == limit;
}

/* Pass on all that is there. False if the owner must read first. */
static bool
transfer_all(struct stream *stream)
{
	while (stream->fd >= 0) {
		if (frames_room() == 0)
			return false;
		if (!transfer(stream))
			return true;
	}
	return true;
}

void
stage_transfer(const struct pollfd polled[POLLED_COUNT])
{
	if (stage.state != RUNNING)
		return;
	if (polled[POLLED_PROGRAM_IN].revents)
		input_push();
	/* What poll() saw in stdout was written after anything that is now in stderr; see order.h. */
	if (polled[POLLED_PROGRAM_OUT].revents || polled[POLLED_PROGRAM_ERR].revents)
		transfer_all(&stage.err);
	if (polled[POLLED_PROGRAM_OUT].revents)
		transfer(&stage.out);
	if (polled[POLLED_PROGRAM_ORDER].revents)
		order_read();
	if (order_holds() && transfer_all(&stage.err) && transfer_all(&stage.out))
		order_release();
}

static bool
bury(int flags)
{
	struct rusage usage;
	int status;

	pid_t dead = wait4(-1, &status, flags, &usage);
	if (dead <= 0)
		return dead < 0 && errno == EINTR;
	if (usage.ru_maxrss * INT64_C(1024) > stage.resident)
		stage.resident = usage.ru_maxrss * INT64_C(1024);
	if (dead == stage.main_process) {
		stage.main_ended = true;
		stage.main_status = status;
		stage.ended = clock_now();
	}
	return true;
}

void
stage_reap(void)
{
	/* Between stages the only child is the writer, and files_finish() buries that one. */
	while (stage.state == RUNNING && bury(WNOHANG))
		continue;
}

void
stage_check_limits(void)
{
	if (stage.state != RUNNING || stage.main_ended || stage.limit != NULL)
		return;
	int64_t time = clock_now();
	if (time - stage.started >= command.wall_limit) {
		stage.limit = "wall";
		return;
	}
	if (command.cpu_limit > 0 && time >= stage.cpu_check) {
		int64_t left = command.cpu_limit - (cpu_total() - stage.cpu_base);
		if (left <= 0) {
			stage.limit = "cpu";
			return;
		}
		/* It can't be used up sooner than by all processors at once. */
		int64_t soonest = left / sysconf(_SC_NPROCESSORS_ONLN);
		stage.cpu_check = time + (soonest > MILLISECOND ? soonest : MILLISECOND);
	}
}

static void
check_exec(void)
{
	char reason[400];

	ssize_t got = read(stage.exec_answer, reason, sizeof reason - 1);
	close(stage.exec_answer);
	if (got > 0) {
		reason[got] = '\0';
		fault(FAULT_BOX, "%s", reason);
	}
}

static void
put_verdict(void)
{
	char text[256];
	int64_t peak = cgroup_memory_peak();

	/* A peak of an earlier stage, or of the runtime that made the container, is not this one's. */
	if (peak <= stage.peak_base)
		peak = stage.resident;
	int length = snprintf(
		text, sizeof text,
		"code=%d\nsignal=%d\nlimit=%s\noom=%d\nwall_us=%" PRId64 "\ncpu_us=%" PRId64
		"\nmemory=%" PRId64 "\n",
		WIFEXITED(stage.main_status) ? WEXITSTATUS(stage.main_status) : -1,
		stage.limit != NULL ? SIGKILL
		: WIFSIGNALED(stage.main_status) ? WTERMSIG(stage.main_status)
						 : 0,
		stage.limit != NULL ? stage.limit : "none",
		cgroup_oom_kills() > stage.oom_base, (stage.ended - stage.started) / 1000,
		(cpu_total() - stage.cpu_base) / 1000, peak);
	frames_put(FRAME_VERDICT, text, (size_t)length);
}

void
stage_settle(void)
{
	if (stage.state == RUNNING && (stage.main_ended || stage.limit != NULL)) {
		kill(-1, SIGKILL);
		while (bury(0))
			continue;
		check_exec();
		input_close();
		order_forget();
		stage.state = DRAINING;
	}
	if (stage.state != DRAINING)
		return;
	/* All that could write is dead, so what is readable now is all there is. The verdict waits
	 * while the owner is slow to take it. */
	if (!transfer_all(&stage.err) || !transfer_all(&stage.out))
		return;
	stream_close(&stage.err);
	stream_close(&stage.out);
	put_verdict();
	input_forget();
	stage.state = IDLE;
}
