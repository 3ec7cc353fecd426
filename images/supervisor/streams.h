/*
 * Transfer of the program's stdout and stderr into frames, each up to its cap, and in the order in
 * which the program wrote if the kernel tells it; see order.h.
 */
#ifndef STREAMS_H
#define STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

/* A stage begins: its output will arrive on these pipes, each with a cap in bytes. `err_fd` is -1
 * where stderr goes into stdout. `packets`: see program.h. To be called before the program starts. */
void streams_open(int out_fd, size_t out_cap, int err_fd, size_t err_cap, bool packets);
void streams_close(void);

/* What to poll for input, or -1: at its end, or while something else must come first. */
int streams_out_fd(void);
int streams_err_fd(void);
int streams_order_fd(void);

/* When to transfer even if nothing is readable, see clock.h; INT64_MAX for never. */
int64_t streams_due(void);

/* Transfer output; the arguments are what poll() found of its pipes. */
void streams_transfer(short out_events, short err_events);

/* Transfer all that is in the pipes. False if the controller must read first. */
bool streams_drain(void);

/* The cap that was exceeded first, or LIMIT_NONE. */
enum limit streams_limit(void);

#endif
