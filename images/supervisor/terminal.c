#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "filter.h"
#include "frames.h"

static bool
set_size(int slave, struct terminal_size size)
{
	struct winsize window = {.ws_row = size.rows, .ws_col = size.columns};

	return ioctl(slave, TIOCSWINSZ, &window) == 0;
}

/* Backspace erases a character, of however many bytes. */
static bool
set_utf8(int slave)
{
	struct termios modes;

	if (tcgetattr(slave, &modes) < 0)
		return false;
	modes.c_iflag |= IUTF8;
	return tcsetattr(slave, TCSANOW, &modes) == 0;
}

void
terminal_open(struct terminal *terminal, struct terminal_size size)
{
	char path[32];
	int number, locked = 0;

	terminal->master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (terminal->master < 0 || ioctl(terminal->master, TIOCSPTLCK, &locked) < 0 ||
	    ioctl(terminal->master, TIOCGPTN, &number) < 0)
		fault(FAULT_BOX, "stage: terminal: %s", strerror(errno));
	snprintf(path, sizeof path, "/dev/pts/%d", number);
	/* While ours is open a program may close its own and open /dev/tty later: without any, reads of
	 * the master would fail, and poll() would not sleep. */
	terminal->slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* It is root's: without the chmod the program could not open its own /dev/stdout. */
	if (terminal->slave < 0 || fchmod(terminal->slave, 0666) < 0 || !set_utf8(terminal->slave) ||
	    !set_size(terminal->slave, size))
		fault(FAULT_BOX, "stage: terminal: %s", strerror(errno));
}

/* Line disciplines are modules that the kernel loads for anyone who has a terminal, among them those
 * with the worst of its terminals' vulnerabilities. */
static void
forbid_line_disciplines(void)
{
#ifdef NATIVE
	enum { I386_IOCTL = 54 };
	struct sock_filter filter[] = {
		LOAD(arch),
#ifdef __x86_64__
		EQUAL(AUDIT_ARCH_I386, 3),
		LOAD(nr),
		JUMP_IF(I386_IOCTL, 4),
		RETURN(SECCOMP_RET_ALLOW),
#endif
		/*  0 */ EQUAL(NATIVE, 5),
		/*  1 */ LOAD(nr),
		/*  2 */ EQUAL(SYS_ioctl, 3),
		/*  3 */ LOAD(args[1]),
		/*  4 */ EQUAL(TIOCSETD, 1),
		/*  5 */ RETURN(SECCOMP_RET_ERRNO | EPERM),
		/*  6 */ RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};

	filter_install(&program);
#endif
}

bool
terminal_control(int slave)
{
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return false;
	forbid_line_disciplines();
	return true;
}

void
terminal_resize(int slave, const char *payload, size_t size)
{
	const unsigned char *byte = (const unsigned char *)payload;

	if (size != 4)
		fault(FAULT_BOX, "a resize frame holds four bytes");
	struct terminal_size wanted = {
		.rows = (unsigned short)(byte[0] << 8 | byte[1]),
		.columns = (unsigned short)(byte[2] << 8 | byte[3]),
	};
	if (!set_size(slave, wanted))
		fault(FAULT_BOX, "resize: %s", strerror(errno));
}
