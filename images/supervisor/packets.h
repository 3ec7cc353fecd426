/*
 * A pipe of packets from the program (O_DIRECT): a read gives what one write gave, up to a page of it.
 * Its writes have signals, see order.h; here packets and signals are told apart and put together.
 *
 * All packets that are there are taken at once. If they were read one by one, a writer that waits for
 * room would go on meanwhile. Most are writes of their own, and each has its signal. In two cases the
 * signals of what was taken must be counted: of a full pipe, see full_pipe.h, and of long writes, see
 * long_writes.h.
 */
#ifndef PACKETS_H
#define PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "frames.h"
#include "taken.h"

/* Begin with the pipe of this end, before anything is written; `taken` is of TAKEN_SIZE. False if the
 * kernel lacks something. */
bool packets_open(struct packets *packets, int fd, char *taken);

/* After the last pipe of a stage. */
void packets_close(void);

/* Take the packets that are there, if all that was taken before is transferred. */
void packets_take(struct packets *packets);

/* Whether something that was taken is not transferred yet. */
bool packets_left(const struct packets *packets);

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
