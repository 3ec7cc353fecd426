/* A pseudo-terminal: two pipes between its ends, without echo and editing of lines. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "kernel.h"

static const char MASTERS[] = "/dev/ptmx", SLAVES[] = "/dev/pts/";

/* The terminal whose slave end is not opened yet. */
static struct pipe *typed, *printed;

bool
terminal_path(const char *path)
{
	return strcmp(path, MASTERS) == 0 || strncmp(path, SLAVES, strlen(SLAVES)) == 0;
}

int
terminal_end_open(const char *path)
{
	if (strcmp(path, MASTERS) != 0) {
		require(strcmp(path, "/dev/pts/7") == 0, "the slave end is that of the master");
		int slave = descriptor_open(SLAVE, printed);
		kernel.descriptors[slave].typed = typed;
		return slave;
	}
	if (kernel.no_terminals)
		return (int)fail(ENOENT);
	typed = pipe_open();
	printed = pipe_open();
	typed->direct = printed->direct = false;
	kernel.opened_pipes += 2;
	int master = descriptor_open(MASTER, printed);
	kernel.descriptors[master].typed = typed;
	kernel.descriptors[master].nonblocking = true;
	return master;
}

int
terminal_end_copy(int fd)
{
	struct descriptor *original = descriptor(fd);

	require(original->use == MASTER, "only a terminal's end has a copy");
	original->pipe->readers++;
	original->typed->writers++;
	int copy = descriptor_open(MASTER, original->pipe);
	kernel.descriptors[copy] = *original;
	return copy;
}

/* What the program gets in place of its pipes. */
void
terminal_offer(struct descriptor *slave)
{
	kernel.program_pipes[0] = slave->typed;
	kernel.program_pipes[1] = slave->pipe;
	kernel.program_pipe_count = 2;
}

int
fake_ioctl(int fd, unsigned long request, void *argument)
{
	struct descriptor *at = descriptor(fd);

	switch (request) {
	case TIOCSPTLCK:
		require(at->use == MASTER, "a master end is unlocked");
		return 0;
	case TIOCGPTN:
		require(at->use == MASTER, "a master end has a number");
		memcpy(argument, &(int){7}, sizeof(int));
		return 0;
	default:
		require(request == TIOCSWINSZ && at->use == SLAVE, "a slave end has a size");
		return 0;
	}
}

int
fake_tcgetattr(int fd, struct termios *modes)
{
	require(descriptor(fd)->use == SLAVE, "a slave end has modes");
	memset(modes, 0, sizeof *modes);
	return 0;
}

int
fake_tcsetattr(int fd, int when, const struct termios *modes)
{
	(void)when, (void)modes;
	require(descriptor(fd)->use == SLAVE, "a slave end has modes");
	return 0;
}
