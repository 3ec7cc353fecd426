/*
 * The writer: the child that writes the job's files into the work directory, as the run's user.
 */
#ifndef WRITER_H
#define WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"

/* Header of a FILE, DATA or MODE frame on the pipe to the writer; its payload follows. */
struct writer_record {
	uint32_t size;
	char type;
};

/* Write all of it, in as many calls as needed. False, with errno, if the other end is closed. */
bool write_all(int fd, const char *data, size_t size);

/* Write the files that arrive on `records` until its end. On failure, describe it on `error`. */
_Noreturn void writer_main(const struct identity *identity, int records, int error);

#endif
