/*
 * A full pipe. A write that waits for room, or fails for want of it, gives a signal without a packet,
 * right after the signals of what filled the pipe. If such a signal were taken for that of a packet, all
 * later output of this pipe would come one write too early.
 *
 * How many there are can't be asked, but counted: more signals than packets. A packet is there a moment
 * before its signal, which hides one signal too many; so signals are counted and packets moved several
 * times. No packet is read in between, in which time the pipe could become full again.
 */
#ifndef FULL_PIPE_H
#define FULL_PIPE_H

#include <stddef.h>

#include "taken.h"

enum { MAX_FILLS = 4 };

/* What was taken up to this packet has filled the pipe, */
struct fill {
	size_t count; /* of packets; 0 if there is no such fill */
	size_t waiting; /* and so many signals without a packet follow */
};

/* Take what the current signal and those after it are of, and find where the pipe was full. */
void full_pipe_take(struct packets *packets, struct fill fills[MAX_FILLS]);

/* If all that was taken are short writes: forget the signals without a packet. */
void full_pipe_settle(const struct packets *packets, const struct fill fills[MAX_FILLS]);

#endif
