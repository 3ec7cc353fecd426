/*
 * Packets that were taken out of the program's pipe, in two steps: all at once into a pipe of our own,
 * and from there one by one. A writer that waits for room goes on at the first packet that leaves its
 * pipe.
 */
#ifndef TAKEN_H
#define TAKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MAX_TAKEN = 256, /* packets: what a pipe holds, four times */
	TAKEN_SIZE = 1024 * 1024,
};

struct packets {
	int fd;		 /* the program's pipe, */
	size_t capacity; /* and how many packets it holds; 0 if there are no signals */

	/* What was taken from it. */
	char *taken;
	size_t start, end; /* bytes: what is left */
	uint32_t sizes[MAX_TAKEN];
	size_t next, count;

	/* Of long writes. */
	size_t writes; /* so many signals that have come are of it, without the current one, */
	size_t late;   /* and perhaps so many more */
	bool alone;    /* nothing was written elsewhere before the last packet */
	size_t run;    /* full packets after which a write ends, 0 if not known */
	size_t usual;  /* the same, when it was last known */
};

size_t page_size(void);

/* Open our own pipe, for program's pipes of this size: it holds so much twice, where the kernel allows
 * it. False if that fails. And close it, between two stages. */
bool taken_open(size_t size);
void taken_close(void);

/* How many packets our own pipe holds; and whether there is room to read so many. */
size_t move_room(void);
bool taken_room(const struct packets *packets);

/* Move the packets that are there, as far as there is room; return their size. */
size_t move_packets(const struct packets *packets);

/* Read what was moved, up to this end. */
void read_moved(struct packets *packets, size_t end);

/* How many signals of this pipe are pending, the current one not among them. */
size_t count_signals(const struct packets *packets);

/* What poll() says now: POLLIN if there are packets, POLLHUP if there is no writer any more. The end of
 * the last one has a signal, too. */
short poll_packets(const struct packets *packets);

#endif
