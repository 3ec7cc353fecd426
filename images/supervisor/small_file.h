/*
 * Small files of /proc.
 */
#ifndef SMALL_FILE_H
#define SMALL_FILE_H

#include <stddef.h>

/* Read the beginning of a file as a text; an empty one if that is impossible. */
void small_file_read(const char *path, char *text, size_t size);

#endif
