/*
 * The times of what is in /dev. Its directories and devices are root's, but programs change their
 * times: they list a directory, follow a link, or touch a device, which all may write to.
 */
#ifndef DEVICES_H
#define DEVICES_H

#include <stdbool.h>

/* Note how they are now, in a new box. */
void devices_record(void);

/* Put them back. Not the time of change of an inode: it can't be set. */
void devices_restore(void);

bool devices_restored(void);

#endif
