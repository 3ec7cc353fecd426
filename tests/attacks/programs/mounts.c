/* Mounts, which would show other files or replace trusted ones. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

int
main(void)
{
	mkdir("here", 0700);
	refused("mount tmpfs", mount("none", "here", "tmpfs", 0, NULL), EPERM);
	refused("mount proc", mount("none", "here", "proc", 0, NULL), EPERM);
	refused("mount overlay", mount("none", "here", "overlay", 0, "lowerdir=/,upperdir=/tmp"), EPERM);
	refused("bind", mount("/", "here", NULL, MS_BIND | MS_REC, NULL), EPERM);
	refused("remount /", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM);
	refused("remount /tmp", mount(NULL, "/tmp", NULL, MS_REMOUNT, "size=10g"), EPERM);
	refused("umount", umount2("/proc/sys", MNT_DETACH), EPERM);
	refused("chroot", chroot("here"), EPERM);
	refused("pivot_root", syscall(SYS_pivot_root, ".", "."), EPERM);
	refused("fsopen", syscall(SYS_fsopen, "tmpfs", 0), EPERM);
	refused("fspick", syscall(SYS_fspick, AT_FDCWD, "/", 0), EPERM);
	refused("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1), EPERM);
	refused("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "here", 0), EPERM);
	refused("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, NULL, 0), EPERM);
	return report(14);
}
