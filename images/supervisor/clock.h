/* The one clock: monotonic, in nanoseconds. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

enum { MICROSECOND = 1000, MILLISECOND = 1000000, SECOND = 1000000000 };

static inline int64_t
clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

/* The time left until then, as ppoll() takes it. */
static inline struct timespec
clock_until(int64_t due)
{
	int64_t left = due - clock_now();

	if (left < 0)
		left = 0;
	return (struct timespec){.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
}

#endif
