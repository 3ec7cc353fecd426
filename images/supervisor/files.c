#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frames.h"
#include "writer.h"

static pid_t writer;
static int writer_in = -1;     /* FILE and DATA frames go there */
static int writer_answer = -1; /* what went wrong comes from there; nothing if all is well */

bool
identity_assume(const struct identity *identity)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
	gid_t gid = (gid_t)identity->uid;

	/* Leaving uid 0 drops the permitted and effective sets; engines before 20.10.14 also fill the
	 * inheritable one, which stays. */
	umask(022);
	return setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
	       setresuid(identity->uid, identity->uid, identity->uid) == 0 &&
	       syscall(SYS_capset, &header, none) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && chdir(identity->workdir) == 0;
}

static void
writer_start(const struct identity *identity)
{
	int in[2], answer[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0)
		fault(FAULT_BOX, "writer: %s", strerror(errno));
	writer = fork();
	if (writer < 0)
		fault(FAULT_BOX, "writer: %s", strerror(errno));
	if (writer == 0) {
		close(in[1]);
		close(answer[0]);
		writer_main(identity, in[0], answer[1]);
	}
	close(in[0]);
	close(answer[1]);
	writer_in = in[1];
	writer_answer = answer[0];
}

void
files_pass(const struct identity *identity, char type, const char *payload, size_t size)
{
	struct passed passed = {.size = (uint32_t)size, .type = type};

	if (writer == 0) {
		if (type != FRAME_FILE)
			fault(FAULT_BOX, "data came before its file");
		writer_start(identity);
	}
	/* A writer that has given up closes the pipe; files_finish() has its reason. */
	if (!write_whole(writer_in, (const char *)&passed, sizeof passed) ||
	    !write_whole(writer_in, payload, size))
		files_finish();
}

void
files_finish(void)
{
	char reason[256];
	int status = 0;

	if (writer == 0)
		return;
	close(writer_in);
	ssize_t got = read(writer_answer, reason, sizeof reason - 1);
	close(writer_answer);
	while (waitpid(writer, &status, 0) < 0 && errno == EINTR)
		continue;
	writer = 0;
	if (got > 0) {
		reason[got] = '\0';
		fault(FAULT_FILE, "%s", reason);
	}
	if (status != 0)
		fault(FAULT_BOX, "writer: status %#x", (unsigned)status);
}
