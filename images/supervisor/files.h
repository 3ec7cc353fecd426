/*
 * The job's files, written by a child that has become the run's user: without CAP_CHOWN and
 * CAP_DAC_OVERRIDE, root itself could neither write into the user's directory nor give files away.
 */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct identity {
	uid_t uid;
	const char *workdir;
};

/* In a child: become the run's user for good, in the work directory. False, with errno, if not. */
bool identity_assume(const struct identity *identity);

/* Pass one FILE or DATA frame to the writer, which is started if there is none. */
void files_pass(const struct identity *identity, char type, const char *payload, size_t size);

/* Wait until all files are written and the writer has ended. Faults if one could not be. */
void files_finish(void);

#endif
