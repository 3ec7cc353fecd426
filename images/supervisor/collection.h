/*
 * A collection of files that a job has made, as the supervisor handles it: it passes on the frames of
 * the collector, a child that runs as the run's user. All processes of the job are dead by then.
 */
#ifndef COLLECTION_H
#define COLLECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "identity.h"

/* Start to collect what a COLLECT frame's payload asks for. */
void collection_start(const struct identity *identity, char *payload, size_t size);

/* True from the start until COLLECTED is queued. */
bool collection_active(void);

/* The descriptor to wait for, to read from; -1 if there is none, or no room for what it has. */
int collection_fd(void);

/* Queue what it has; at its end, COLLECTED. */
void collection_transfer(void);

#endif
