/*
 * Stdin that the program has not read yet. It is buffered here, not in the controller's pipe, so that
 * the end of the controller is noticed at any moment; the credit window bounds it.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>

/* A stage begins, and its program reads from the other end of `fd`. */
void input_open(int fd);

/* Add stdin, or end it. Without a stage, or once the program has closed it: discarded. */
void input_add(const char *data, size_t size);
void input_end(void);

/* What to poll for room, or -1 if nothing is buffered; and write as much as there is room for. */
int input_fd(void);
void input_write(void);

/* The program reads no more: discard the rest. */
void input_close(void);

/* The stage has its verdict: send no more credit, since it is not valid in the next stage. */
void input_end_credit(void);

#endif
