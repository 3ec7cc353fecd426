/*
 * The cleaner: the child that removes what a job has left, as the run's user, whose it all is. Root
 * without CAP_DAC_OVERRIDE could not.
 */
#ifndef CLEANER_H
#define CLEANER_H

#include "identity.h"

/* Become the run's user, empty the directories that it can write to, remove its System V objects and
 * put its directories back as they were. Exits with 0 if nothing failed. */
_Noreturn void cleaner_main(const struct identity *identity);

#endif
