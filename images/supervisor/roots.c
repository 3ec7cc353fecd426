#include "roots.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "times.h"

enum { ROOTS = 4 };

struct root {
	const char *path;
	bool present;
	struct stat status;
	struct statfs room;
	char attributes[256]; /* the names of its extended attributes, each with its NUL */
	ssize_t attributes_size;
};

static struct root roots[ROOTS] = {
	{.path = "/tmp"}, {.path = "/dev/shm"}, {.path = "/dev/mqueue"}, {.path = NULL},
};

/* False if there is no such directory. */
static bool
look(struct root *root)
{
	if (stat(root->path, &root->status) < 0 || statfs(root->path, &root->room) < 0)
		return false;
	root->attributes_size =
		listxattr(root->path, root->attributes, sizeof root->attributes);
	return true;
}

void
roots_record(const struct identity *identity)
{
	roots[ROOTS - 1].path = identity->workdir;
	for (struct root *root = roots; root < roots + ROOTS; root++)
		root->present = look(root);
}

size_t
roots_count(void)
{
	return ROOTS;
}

const char *
roots_path(size_t number)
{
	return roots[number].path;
}

static bool
has_attribute(const struct root *root, const char *name)
{
	for (ssize_t at = 0; at < root->attributes_size;
	     at += (ssize_t)strlen(root->attributes + at) + 1)
		if (strcmp(root->attributes + at, name) == 0)
			return true;
	return false;
}

/* Access lists are attributes, too. */
static void
remove_attributes(const struct root *root)
{
	static char names[1 << 16]; /* as many as the kernel gives */

	ssize_t size = listxattr(root->path, names, sizeof names);
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1)
		if (!has_attribute(root, names + at))
			removexattr(root->path, names + at);
}

void
roots_restore(void)
{
	for (const struct root *root = roots; root < roots + ROOTS; root++) {
		const struct timespec times[2] = {root->status.st_atim, root->status.st_mtim};
		if (!root->present)
			continue;
		/* The mode first: who may not write has no right to the attributes either. */
		(void)chmod(root->path, root->status.st_mode & 07777);
		remove_attributes(root);
		(void)utimensat(AT_FDCWD, root->path, times, 0);
	}
}

static bool
is_empty(const struct root *root, const struct root *now)
{
	return now->room.f_bfree == root->room.f_bfree && now->room.f_ffree == root->room.f_ffree &&
	       now->status.st_nlink == root->status.st_nlink &&
	       now->status.st_size == root->status.st_size;
}

static bool
is_restored(const struct root *root, const struct root *now)
{
	return now->status.st_mode == root->status.st_mode &&
	       now->status.st_uid == root->status.st_uid &&
	       now->status.st_gid == root->status.st_gid &&
	       times_same(now->status.st_atim, root->status.st_atim) &&
	       times_same(now->status.st_mtim, root->status.st_mtim) &&
	       now->attributes_size == root->attributes_size &&
	       (now->attributes_size <= 0 ||
		memcmp(now->attributes, root->attributes, (size_t)now->attributes_size) == 0);
}

const char *
roots_changed(void)
{
	const char *changed = NULL;

	for (const struct root *root = roots; root < roots + ROOTS; root++) {
		struct root now = {.path = root->path};
		if (look(&now) != root->present)
			return "files";
		if (!root->present)
			continue;
		if (!is_empty(root, &now))
			return "files";
		if (!is_restored(root, &now))
			changed = "directories";
	}
	return changed;
}
