/*
 * The job's files, as the supervisor handles them: it forwards them to the writer, a child that runs
 * as the run's user. Without CAP_CHOWN and CAP_DAC_OVERRIDE root itself could neither write into the
 * user's directory nor give files away.
 */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "identity.h"

/* Forward one FILE, DATA or MODE frame to the writer; start the writer if there is none. */
void files_forward(const struct identity *identity, char type, const char *payload, size_t size);

/* Whether files have come that no stage has followed yet. */
bool files_pending(void);

/* Wait until all files are written and the writer has ended. Faults if one can't be written. */
void files_finish(void);

#endif
