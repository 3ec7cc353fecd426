/*
 * A library for LD_PRELOAD: C's stdio on a pipe as on a terminal. Each line of stdout is written at
 * its end, and what is left of one before stdin is read.
 *
 * It is not linked with a C library, and its symbols are weak: it takes those of the program, which
 * may be glibc's or musl's, or, of a program without either, none.
 */
#include <stdio.h>

#pragma weak setvbuf
#pragma weak stdin
#pragma weak stdout

__attribute__((constructor)) static void
buffer_lines(void)
{
	if (setvbuf == NULL || &stdin == NULL || &stdout == NULL)
		return;
	/* glibc writes an unfinished line of stdout only before it reads a stream that is itself
	 * line-buffered. For input that has no other meaning. */
	setvbuf(stdin, NULL, _IOLBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
}
