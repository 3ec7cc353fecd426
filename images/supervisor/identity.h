/*
 * The run's user: the unprivileged uid that writes the job's files and runs its programs.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

struct identity {
	uid_t uid;
	const char *workdir;
};

/* In a child: become the run's user for good, in the work directory. False, with errno, if not. */
bool identity_assume(const struct identity *identity);

#endif
