/*
 * Transfer of the program's stdout and stderr into frames, each up to its cap.
 */
#ifndef STREAMS_H
#define STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "limits.h"

/* A stage begins: its output arrives on these pipes, each with a cap in bytes. `err_fd` is -1 where
 * stderr goes into stdout. */
void streams_open(int out_fd, size_t out_cap, int err_fd, size_t err_cap);
void streams_close(void);

/* What to poll for input, or -1: at its end, or while the controller must read first. */
int streams_out_fd(void);
int streams_err_fd(void);

/* Transfer what poll() found readable. */
void streams_transfer(bool out_readable, bool err_readable);

/* Transfer all that is in the pipes. False if the controller must read first. */
bool streams_drain(void);

/* The cap that was exceeded first, or LIMIT_NONE. */
enum limit streams_limit(void);

#endif
