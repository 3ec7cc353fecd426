/*
 * The writer: the child that puts the job's files into the work directory, as the run's user.
 */
#ifndef WRITER_H
#define WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "files.h"

/* One FILE or DATA frame on its way to the writer; its payload follows. */
struct passed {
	uint32_t size;
	char type;
};

/* Write all of it, however often it takes. False, with errno, if the other end is gone. */
bool write_whole(int fd, const char *data, size_t size);

/* Write what comes from `in` until its end. What goes wrong is told on `answer`, in words. */
_Noreturn void writer_main(const struct identity *identity, int in, int answer);

#endif
