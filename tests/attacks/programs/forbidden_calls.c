/* System calls that programs do not need, and that have been used to escape from containers. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

#define DOOR(name, how) {#name, SYS_##name, how}

static const struct {
	const char *name;
	long number;
	int how;
} doors[] = {
	DOOR(io_uring_setup, ENOSYS),
	DOOR(io_uring_enter, ENOSYS),
	DOOR(io_uring_register, ENOSYS),
	DOOR(io_setup, ENOSYS),
	DOOR(userfaultfd, ENOSYS),
	DOOR(memfd_secret, ENOSYS),
	DOOR(landlock_create_ruleset, ENOSYS),
	DOOR(bpf, EPERM),
	DOOR(perf_event_open, EPERM),
	DOOR(keyctl, EPERM),
	DOOR(add_key, EPERM),
	DOOR(request_key, EPERM),
	DOOR(ptrace, EPERM),
	DOOR(process_vm_readv, EPERM),
	DOOR(process_vm_writev, EPERM),
	DOOR(pidfd_getfd, EPERM),
	DOOR(process_madvise, EPERM),
	DOOR(kcmp, EPERM),
	DOOR(syslog, EPERM),
	DOOR(name_to_handle_at, EPERM),
	DOOR(open_by_handle_at, EPERM),
	DOOR(fanotify_init, EPERM),
	DOOR(init_module, EPERM),
	DOOR(finit_module, EPERM),
	DOOR(delete_module, EPERM),
	DOOR(kexec_load, EPERM),
	DOOR(reboot, EPERM),
	DOOR(swapon, EPERM),
	DOOR(quotactl, EPERM),
	DOOR(acct, EPERM),
	DOOR(settimeofday, EPERM),
	DOOR(clock_settime, EPERM),
	DOOR(clock_adjtime, EPERM),
	DOOR(sethostname, EPERM),
	DOOR(setdomainname, EPERM),
	DOOR(vhangup, EPERM),
	DOOR(move_pages, EPERM),
	DOOR(migrate_pages, EPERM),
	DOOR(mbind, EPERM),
	DOOR(remap_file_pages, EPERM),
	DOOR(lookup_dcookie, EPERM),
	DOOR(nfsservctl, EPERM),
#ifdef __x86_64__
	DOOR(iopl, EPERM),
	DOOR(ioperm, EPERM),
	DOOR(modify_ldt, EPERM),
	DOOR(uselib, EPERM),
	DOOR(kexec_file_load, EPERM),
#endif
};

int
main(void)
{
	for (int i = 0; i < COUNT(doors); i++)
		refused(doors[i].name, syscall(doors[i].number, 0, 0, 0, 0, 0, 0), doors[i].how);
	refused("a fixed address space", personality(ADDR_NO_RANDOMIZE), EPERM);
	refused("a write hint", fcntl(0, 1036, &(unsigned long long){5}), EINVAL);
	refused("core scheduling", prctl(62, 1, 0, 0, 0), EINVAL);
	refused("executable data", personality(READ_IMPLIES_EXEC), EPERM);
	return report(COUNT(doors) + 4);
}
