"""The system calls a box may make: a list of the allowed ones, and all others fail.

Stricter than the engine's own profile, which has to suit every container: what a program in a box
has no use for, another program could only use to get out of it. And shorter, so that a container is
made sooner.

It stands for 64-bit x86 and ARM, under the names that libseccomp knows; runc passes over those that
an architecture or an older libseccomp has not, and has calls newer than it all fail with ENOSYS.
"""

import json
from collections.abc import Iterator
from typing import Any

_ALLOWED = """
    access chdir chmod chown close close_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
    fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync flock fstat fstatfs
    fsync ftruncate futimesat getcwd getdents getdents64 lchown link linkat lseek lstat mkdir
    mkdirat newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read
    readahead readlink readlinkat readv rename renameat renameat2 rmdir stat statfs statx symlink
    symlinkat sync sync_file_range syncfs truncate umask unlink unlinkat utime utimensat utimes
    write writev

    fgetxattr flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr lremovexattr
    lsetxattr removexattr setxattr

    copy_file_range sendfile splice tee vmsplice

    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch

    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 ioctl
    pipe pipe2 poll ppoll pselect6 select signalfd signalfd4 timerfd_create timerfd_gettime
    timerfd_settime

    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg
    sendmmsg sendmsg sendto setsockopt shutdown

    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv
    msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget

    brk madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect
    mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect

    alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time
    timer_create timer_delete timer_getoverrun timer_gettime timer_settime times

    arch_prctl execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv
    futex_wake get_robust_list get_thread_area getcpu getpgid getpgrp getpid getpriority getppid
    getrlimit getrusage getsid gettid pause pidfd_open pidfd_send_signal prctl prlimit64
    restart_syscall rseq set_robust_list set_thread_area set_tid_address setpgid setpriority
    setrlimit setsid vfork wait4 waitid

    kill rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_tgsigqueueinfo sigaltstack tgkill tkill

    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield

    getrandom sysinfo uname
""".split()

# The supervisor gives power away with these, and holds programs with `seccomp`. They give a program
# nothing that it has not.
_OF_THE_SUPERVISOR = """
    capget capset getegid geteuid getgid getgroups getresgid getresuid getuid seccomp setfsgid
    setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid
""".split()

# Libraries try these first, and take the older way only if the kernel says that it has none. The
# argument of clone3 that would make a namespace lies in memory, where no filter can see it; the
# rings and queues of the others run kernel code, or hold kernel memory, beyond a box's limits.
_ABSENT = """
    clone3
    io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit
    io_uring_enter io_uring_register io_uring_setup
    landlock_add_rule landlock_create_ruleset landlock_restrict_self
    memfd_secret userfaultfd
""".split()

# What else a program of 32-bit x86 is likely to call. It can't open a socket, whose family lies in
# memory there.
_ALLOWED_I386 = """
    _llseek _newselect chown32 clock_gettime64 clock_nanosleep_time64 fchown32 fcntl64 fstat64
    fstatat64 ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getuid32 lchown32
    lstat64 mmap2 nice ppoll_time64 sendfile64 sigaction signal sigprocmask sigreturn stat64
    statfs64 truncate64 ugetrlimit waitpid
""".split()

# Linux's numbers: the service need not run on the kernel its boxes run on.
_ENOSYS = 38
_CLONE_NEW = 0x7E020000  # every kind of namespace that clone can make
_FILE_TYPE, _FIFO = 0o170000, 0o010000
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_SOCKET_TYPE, _STREAM, _DATAGRAM = 0xF, 1, 2
_TCP, _UDP = 6, 17
_ROUTE = 0  # the netlink that tells a C library which interfaces there are


def profile(*, i386: bool = False) -> str:
    """Return the profile in the engine's JSON; with `i386`, for programs of 32-bit x86 as well."""
    rules = [_rule(_ALLOWED + _OF_THE_SUPERVISOR), *_narrow()]
    rules.append({"names": _ABSENT, "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    data: dict[str, Any] = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}
    if i386:
        rules.append(_rule(_ALLOWED_I386))
        data["archMap"] = [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}
        ]
    else:
        rules.extend(_sockets())
    return json.dumps(data, separators=(",", ":"))


def _narrow() -> Iterator[dict[str, Any]]:
    """Give what is allowed with some arguments only.

    Each rule says which, never "not these": the kernel looks at 32 bits of an argument where the
    filter compares 64, so a "not equal" is met by any bit above them.
    """
    yield _rule(["clone"], _masked(0, _CLONE_NEW, 0))
    for ask in (0, 0xFFFFFFFF):  # what every program has, and what it has now
        yield _rule(["personality"], _equal(0, ask))
    yield _rule(["socketpair"], _equal(0, _UNIX))
    # No device, not even the one that stands for a deleted file in an overlay.
    yield _rule(["mknod"], _masked(1, _FILE_TYPE, _FIFO))
    yield _rule(["mknodat"], _masked(2, _FILE_TYPE, _FIFO))


def _sockets() -> Iterator[dict[str, Any]]:
    """Give those that work without a network: unix ones, and TCP and UDP within the box.

    The kernel has many more families and protocols, loads their modules at the first use, and has
    had its worst holes in them.
    """
    yield _rule(["socket"], _equal(0, _UNIX))
    yield _rule(["socket"], _equal(0, _NETLINK), _equal(2, _ROUTE))
    for family in (_INET, _INET6):
        for kind, named in ((_STREAM, _TCP), (_DATAGRAM, _UDP)):
            for protocol in (0, named):
                yield _rule(
                    ["socket"],
                    _equal(0, family),
                    _masked(1, _SOCKET_TYPE, kind),
                    _equal(2, protocol),
                )


def _rule(names: list[str], *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ALLOW", "args": arguments}


def _equal(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
