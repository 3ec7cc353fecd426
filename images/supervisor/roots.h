/*
 * The roots: the directories that the run's user can write to, each of a file system of its own.
 */
#ifndef ROOTS_H
#define ROOTS_H

#include <stddef.h>

#include "identity.h"

/* Note how they are now, in a new box. */
void roots_record(const struct identity *identity);

size_t roots_count(void);
const char *roots_path(size_t number);

/* Put back their modes, attributes and times, as far as the calling user may. */
void roots_restore(void);

/* NULL if they are as when new, else what differs, as a word for the controller: "files" if their file
 * systems have not as much room, be it for a file without a name, or "directories". Their time of change
 * is not compared: it can't be set. */
const char *roots_changed(void);

#endif
