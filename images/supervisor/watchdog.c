#include "watchdog.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "frames.h"

static const int64_t GRACE = SECOND; /* and between two attempts */

static int timer = -1; /* expires GRACE after the time at which the loop ends a stage */
static atomic_bool killed;
/* So that the watchdog kills nothing that the loop starts after it has stopped the timer. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct timespec
as_timespec(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

static void
kill_late_stage(void)
{
	uint64_t count;

	pthread_mutex_lock(&mutex);
	if (read(timer, &count, sizeof count) == sizeof count) {
		killed = true;
		kill(-1, SIGKILL);
	}
	pthread_mutex_unlock(&mutex);
}

static void *
watch(void *unused)
{
	const struct timespec grace = as_timespec(GRACE);
	struct pollfd polled[] = {
		{.fd = timer, .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLRDHUP},
	};

	for (;;) {
		if (poll(polled, 2, -1) < 0)
			continue;
		if (polled[0].revents)
			kill_late_stage();
		if (polled[1].revents) {
			/* The loop exits, and this thread with it. */
			nanosleep(&grace, NULL);
			kill(-1, SIGKILL);
		}
	}
	return unused;
}

void
watchdog_open(void)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;

	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer < 0)
		fault(FAULT_BOX, "start: timerfd: %s", strerror(errno));
	/* All signals are the loop's. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN);
	int error = pthread_create(&thread, &attributes, watch, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		fault(FAULT_BOX, "start: thread: %s", strerror(error));
}

void
watchdog_leave(void)
{
	close(timer);
	timer = -1;
}

static void
set(int64_t due)
{
	struct itimerspec time = {.it_value = as_timespec(due)};

	if (due > 0)
		time.it_interval = as_timespec(GRACE);
	if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &time, NULL) < 0)
		fault(FAULT_BOX, "timerfd: %s", strerror(errno));
}

void
watchdog_start(int64_t due)
{
	if (timer < 0)
		return;
	killed = false;
	set(due + GRACE);
}

void
watchdog_stop(void)
{
	if (timer < 0)
		return;
	pthread_mutex_lock(&mutex);
	set(0);
	pthread_mutex_unlock(&mutex);
}

bool
watchdog_has_killed(void)
{
	return killed;
}
