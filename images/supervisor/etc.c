#include "etc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"

#define USER "user"

/* Append a file of the image, if it has one. */
static void
append_image_file(int fd, const char *name)
{
	char path[sizeof IMAGE_ETC + 32], buffer[4096];
	ssize_t got;

	snprintf(path, sizeof path, IMAGE_ETC "/%s", name);
	int from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return;
	while ((got = read(from, buffer, sizeof buffer)) > 0)
		if (write(fd, buffer, (size_t)got) != got)
			fault(FAULT_BOX, "/etc/%s: %s", name, strerror(errno));
	close(from);
}

/* Create a file of /etc from the text and, after it, the image's file. One that exists is the
 * engine's: with another kind of network it mounts its own. */
static void
create_file(const char *name, const char *text, bool append)
{
	char path[32];

	snprintf(path, sizeof path, "/etc/%s", name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return;
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fault(FAULT_BOX, "%s: %s", path, strerror(errno));
	if (append)
		append_image_file(fd, name);
	close(fd);
}

/* Create a link in /etc, unless there is something of its name. */
static void
create_link(const char *target, const char *name)
{
	char path[NAME_MAX + sizeof "/etc/"];

	snprintf(path, sizeof path, "/etc/%s", name);
	if (symlink(target, path) < 0 && errno != EEXIST)
		fault(FAULT_BOX, "%s: %s", path, strerror(errno));
}

/* Without IPv6, which a kernel can lack, `localhost` must not have an address of it. */
static bool
has_ipv6(void)
{
	char byte;

	int fd = open("/proc/net/if_inet6", O_RDONLY | O_CLOEXEC);
	bool has = fd >= 0 && read(fd, &byte, 1) == 1;
	if (fd >= 0)
		close(fd);
	return has;
}

static void
create_hosts(void)
{
	char host[HOST_NAME_MAX + 1] = "", text[2 * sizeof host + 100];

	if (gethostname(host, sizeof host) < 0)
		fault(FAULT_BOX, "gethostname: %s", strerror(errno));
	snprintf(text, sizeof text, "127.0.0.1\tlocalhost %s\n", host);
	if (has_ipv6())
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "::1\tlocalhost ip6-localhost ip6-loopback %s\n", host);
	create_file("hosts", text, false);
	snprintf(text, sizeof text, "%s\n", host);
	create_file("hostname", text, false);
	create_file("resolv.conf", "", false);
}

static void
create_user(uid_t uid)
{
	char entry[100];

	snprintf(entry, sizeof entry, USER ":x:%u:%u::/tmp:/bin/sh\n", uid, uid);
	create_file("passwd", entry, true);
	snprintf(entry, sizeof entry, USER ":x:%u:\n", uid);
	create_file("group", entry, true);
}

void
etc_fill(uid_t uid)
{
	char target[NAME_MAX + sizeof IMAGE_ETC "/"];
	struct dirent *entry;

	DIR *image = opendir(IMAGE_ETC);
	if (image == NULL)
		return;
	create_hosts();
	create_user(uid);
	create_link("/proc/mounts", "mtab");
	while ((entry = readdir(image)) != NULL) {
		snprintf(target, sizeof target, IMAGE_ETC "/%s", entry->d_name);
		create_link(target, entry->d_name); /* `.` and `..` exist, too */
	}
	closedir(image);
}
