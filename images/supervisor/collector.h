/*
 * The collector: the child that reads the files a job has made, as the run's user, whose they are.
 * Root without CAP_DAC_OVERRIDE could not read them all, and could read what the user may not.
 */
#ifndef COLLECTOR_H
#define COLLECTOR_H

#include <stdint.h>

#include "identity.h"

enum {
	MAX_DEPTH = 32,       /* folders in each other, the work directory included */
	MAX_PATH = 4096,      /* bytes of a path */
	MAX_ENTRIES = 100000, /* that are looked at */
	MAX_DROPPED = 100,    /* DROPPED frames; more are only counted */
	COLLECT_SECONDS = 10, /* then the collector is killed */
};

struct collector_limits {
	uint32_t files;
	uint64_t file_size, total_size; /* bytes */
};

/* Become the run's user and write FOUND, CONTENT and DROPPED frames for the files that match the
 * parsed patterns, and at last COLLECTED. Exits with 0 after that one. */
_Noreturn void collector_main(const struct identity *identity, const struct collector_limits *limits,
			      int frames);

#endif
