/*
 * Long writes. One of more than a page gives one signal and several packets, all full but the last. A
 * full packet may end its write, or go on in the next. The numbers of signals and packets tell, if all
 * writes of several full packets are of the same size, as those of a buffer are.
 */
#ifndef LONG_WRITES_H
#define LONG_WRITES_H

#include <stdbool.h>
#include <stddef.h>

#include "taken.h"

/* Whether there may be any in what was taken. */
bool long_writes_any(const struct packets *packets);

/* Count the signals of what was taken, and of what is there besides, which is taken, too. */
void long_writes_count(struct packets *packets);

/* After `full` full packets of a write: whether the next packet is of the same write. */
bool long_writes_continue(struct packets *packets, size_t full);

#endif
