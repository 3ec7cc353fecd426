/*
 * Channels: several conversations with the controller at once, in a box that lives on between them.
 *
 * Each channel has a *handler*: a child of PID 1 that is a supervisor itself. It is root as PID 1 is, and
 * speaks the same protocol, over a socket in place of stdin and stdout; PID 1 only passes on its
 * bytes. So a handler has one stage at a time, files or a collection, and its queues, limits and
 * faults are its own: a fault ends the channel, not the box.
 *
 * What differs for a handler's stages, since other processes live in the box: the end of a stage ends
 * its main process, or at a limit the group of that. What it has left in the background lives until
 * the box ends, as a child of PID 1, which reaps it. The counters of the cgroup are those of all, so
 * CPU time is that of the processes that were waited for, and memory that of the largest of them.
 *
 * Processes of the run's user live beside the writer and the collector now, and can stop or kill
 * them. They can't trace them or open their files, since a change of the uid makes undumpable, and
 * harm only the channel of their own box.
 */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
	MAX_CHANNELS = 16,        /* at once */
	CHANNEL_HEADER_SIZE = 4,  /* bytes of a CHANNEL, CONSUMED or ANSWER frame: the channel's number */
	CHANNEL_WINDOW = 1 << 18, /* bytes of ANSWER that may be sent before they are CONSUMED */
};

/* Whether the box has channels: from its first CHANNEL frame on. */
bool channels_used(void);

/* Pass on the bytes of a CHANNEL frame, or close its channel. If it is a new one, start its handler,
 * which calls `serve`. */
void channels_receive(const char *payload, size_t size, void (*serve)(void));

/* Note that the controller has consumed bytes of a channel. */
void channels_consumed(const char *payload, size_t size);

/* Fill in the descriptors to wait for, and return their number; and the time to wait. */
size_t channels_poll(struct pollfd polled[MAX_CHANNELS]);
bool channels_timeout(struct timespec *timeout);

/* The loop's steps: queue what handlers have sent, reap all children, check the limits. */
void channels_transfer(void);
void channels_reap(void);
void channels_check(void);

#endif
