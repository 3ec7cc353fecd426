/*
 * Stdin that the program has not read yet. It waits here, not in the owner's pipe, so that the end
 * of the owner is seen at every moment; the credit window bounds it.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>

/* A stage begins, and its program reads from the other end of `fd`. */
void input_open(int fd);

/* More stdin, and its end. Without a stage, or once the program reads no more: thrown away. */
void input_put(const char *data, size_t size);
void input_end(void);

/* Where to wait for room, or -1 if nothing waits; and write what there is room for. */
int input_fd(void);
void input_push(void);

/* The program reads no more. */
void input_close(void);

/* The stage has its verdict: its credit is worth nothing to the next. */
void input_forget(void);

#endif
