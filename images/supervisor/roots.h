/*
 * The roots: the directories that the run's user can write to, each of a file system of its own.
 */
#ifndef ROOTS_H
#define ROOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "identity.h"

/* Note how they are now, in a new box. */
void roots_record(const struct identity *identity);

size_t roots_count(void);
const char *roots_path(size_t number);

/* Put back their modes, attributes and times, as far as the calling user may. */
void roots_restore(void);

/* Whether their file systems have as much room as when new: nothing is in them, not even a file
 * without a name. */
bool roots_empty(void);

/* Whether the directories themselves are as when new. Their time of change is not: it can't be set. */
bool roots_restored(void);

#endif
