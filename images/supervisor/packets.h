/*
 * A pipe of packets from the program (O_DIRECT): a read gives what one write gave, up to a page of it.
 * Its writes have signals, see order.h; here packets and signals are told apart and put together.
 *
 * All packets that are there are taken at once, into a pipe of our own. If they were read one by one,
 * a writer that waits for room would go on meanwhile. So whatever was signalled before is now taken,
 * and this many signals and these packets belong together. It solves two problems:
 *
 * A full pipe. A write that waits for room, or fails for want of it, gives a signal without a packet.
 * The pipe holds as many packets as it has pages: signals beyond that number are such ones, and so are
 * those that are left when all that was taken is transferred.
 *
 * Long writes. One of more than a page gives one signal and several packets, all full but the last. A
 * full packet may end its write, or go on in the next. The numbers of signals and packets tell, if all
 * writes of several full packets are of the same size, as those of a buffer are.
 */
#ifndef PACKETS_H
#define PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frames.h"

enum {
	MAX_AHEAD = 64,		   /* packets */
	AHEAD_SIZE = MAX_AHEAD * 4096, /* bytes */
};

struct packets {
	int fd;		 /* the program's pipe */
	int pipe[2];	 /* what was taken from it, */
	size_t left;	 /* bytes: so much of it is left, */
	size_t writes;	 /* and so many signals that were there before, without the current one */
	size_t late;	 /* and perhaps so many more */
	size_t capacity; /* packets that either pipe holds */

	/* Those that were read to look at their sizes. */
	char *ahead;
	uint32_t sizes[MAX_AHEAD];
	size_t ahead_start, ahead_used; /* bytes */
	size_t next_size, size_count;
	bool alone;   /* nothing was written elsewhere before the last of them */
	size_t run;   /* full packets after which a write ends, 0 if not known */
	size_t usual; /* the same, when it was last known */
};

/* Begin with the pipe of this end, before anything is written; `ahead` is of AHEAD_SIZE. False if the
 * kernel lacks something. */
bool packets_open(struct packets *packets, int fd, char *ahead);
void packets_close(struct packets *packets);

/* Take the packets that are there, if all that was taken before is transferred. */
void packets_take(struct packets *packets);

/* Queue the next packet as frames_queue_from() does. */
ssize_t packets_queue(struct packets *packets, enum frame_type type, size_t limit, size_t keep);

/* After a full packet, with which `size` bytes of a write are transferred: whether the next packet is
 * of the same write. */
bool packets_continue(struct packets *packets, size_t size);

/* Go on to the next signal of this pipe; and, after its packets, forget those whose packets are
 * transferred, too, or that have none; return their number. */
void packets_signalled(struct packets *packets);
size_t packets_settle(struct packets *packets);

#endif
