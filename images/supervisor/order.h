/*
 * The order of output across two pipes.
 *
 * If two pipes are readable, the kernel does not say which was written first. But it can be asked to
 * queue a signal for each write to a pipe: O_ASYNC on the end to read from, with F_SETSIG and a
 * real-time signal. Such signals are queued in the order of the writes, and each has the descriptor
 * of its pipe. Nothing in the program changes, and no call of it waits for the supervisor.
 *
 * The signals only give the order. Whether there is output, poll() and read() say, because signals
 * can be lost (more are pending than the kernel queues), be missing (Linux 5.5 to 5.14 only signals
 * a write to an empty pipe; gVisor knows no F_SETSIG), or have no write of their own: one that waits
 * for room in a full pipe gives one more, and so does one that fails because there is none.
 *
 * See streams.c for what is made of them.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>
#include <stddef.h>

/* At the start: block the signals, and open the descriptor that they are read from. */
void order_open(void);

/* In the child, before exec. */
void order_leave(void);

/* Ask for the signals of the pipe with this end to read from. False if the kernel has none. */
bool order_watch(int fd);

void order_unwatch(int fd);

/* What to poll for input, or -1. */
int order_fd(void);

/* Take the signals that are pending. */
void order_read(void);

/* Whether more have come than there can be writes: some are forgotten. */
bool order_flooded(void);

/* Go on to the next signal, and return its pipe; -1 if none is left. */
int order_next(void);

/* How many signals of a pipe are left; whether there are none of others; and forget a number of them,
 * after the first `keep`. */
size_t order_count(int fd);
bool order_only(int fd);
void order_drop(int fd, size_t keep, size_t number);

/* The pipes of a stage are closed: forget their signals. */
void order_reset(void);

#endif
