/*
 * The terminal of a stage: a pseudo-terminal that only the supervisor can open, see close_ptys(). The
 * program has its *slave* end in place of pipes, and the kernel's line discipline between: echo,
 * editing of a line, Ctrl-C and Ctrl-D.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

struct terminal_size {
	unsigned short rows, columns; /* no terminal if 0 */
};

struct terminal {
	int master; /* ours, non-blocking: what the program prints, and what is typed */
	int slave;  /* the program's; ours stays open for the whole stage */
};

/* Open a terminal. Faults if there is none to have. */
void terminal_open(struct terminal *terminal, struct terminal_size size);

/* In the child: make it the controlling terminal of a new session. False, with errno, on failure. */
bool terminal_control(int slave);

/* The payload of a RESIZE frame: set the size, which sends SIGWINCH. Faults on a bad payload. */
void terminal_resize(int slave, const char *payload, size_t size);

#endif
