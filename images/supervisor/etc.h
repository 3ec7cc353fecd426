/*
 * The /etc of a box: a tmpfs with links to the image's files, and with files of the box's own.
 *
 * The engine puts empty files in place of an image's /etc/hosts, /etc/hostname and /etc/resolv.conf,
 * and fills them only for a container that it connects to a network itself, which takes as long as
 * all the rest of its creation. And each box has another user, whom no list of the image can name.
 */
#ifndef ETC_H
#define ETC_H

#include <sys/types.h>

/* The image's /etc, which sealing has copied: the tmpfs hides the original. A relative link in it
 * leads to the same file as in /etc only from the same depth below the root. */
#define IMAGE_ETC "/image-etc"

/* Fill /etc, with a passwd entry for the run's user. Leaves what the engine has mounted there. Does
 * nothing where there is no IMAGE_ETC. */
void etc_fill(uid_t uid);

#endif
