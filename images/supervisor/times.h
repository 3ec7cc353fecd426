/*
 * Times of files.
 */
#ifndef TIMES_H
#define TIMES_H

#include <stdbool.h>
#include <time.h>

static inline bool
times_same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

#endif
