"""The seccomp profile of boxes: a list of allowed system calls; all others fail.

It is stricter than the engine's default profile, which must suit every container: a call that
programs in a box do not need would only help to escape from it. It is also shorter, which makes the
creation of a container faster.

It covers 64-bit x86 and ARM, with libseccomp's names of the calls. runc skips names that an
architecture or an older libseccomp does not have, and makes calls newer than its libseccomp fail
with ENOSYS.
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

# The supervisor drops privileges with these, and confines programs with `seccomp`. They can't give
# a program a privilege that it does not have.
_ALLOWED_SUPERVISOR = """
    capget capset getegid geteuid getgid getgroups getresgid getresuid getuid seccomp setfsgid
    setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid
""".split()

# Libraries try these first, and fall back to older calls only after ENOSYS. The flags of clone3
# that create namespaces are in memory, where a filter can't read them; the rings and queues of the
# others run kernel code, or allocate kernel memory, outside the limits of a box.
_ABSENT = """
    clone3
    io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit
    io_uring_enter io_uring_register io_uring_setup
    landlock_add_rule landlock_create_ruleset landlock_restrict_self
    memfd_secret userfaultfd
""".split()

# Further calls that programs of 32-bit x86 use. They can't open sockets: the arguments of
# `socketcall` are in memory.
_ALLOWED_I386 = """
    _llseek _newselect chown32 clock_gettime64 clock_nanosleep_time64 fchown32 fcntl64 fstat64
    fstatat64 ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getuid32 lchown32
    lstat64 mmap2 nice ppoll_time64 sendfile64 sigaction signal sigprocmask sigreturn stat64
    statfs64 truncate64 ugetrlimit waitpid
""".split()

# Linux's numbers: the service need not run on the same kernel as its boxes.
_ENOSYS = 38
_CLONE_NEW = 0x7E020000  # all flags that create namespaces
_FILE_TYPE, _FIFO = 0o170000, 0o010000
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_SOCKET_TYPE, _STREAM, _DATAGRAM = 0xF, 1, 2
_TCP, _UDP = 6, 17
_ROUTE = 0  # the netlink protocol that C libraries use to list network interfaces


def profile(*, i386: bool = False) -> str:
    """Return the profile as JSON; with `i386`, also for programs of 32-bit x86."""
    rules = [_rule(_ALLOWED + _ALLOWED_SUPERVISOR), *_argument_rules()]
    rules.append({"names": _ABSENT, "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    data: dict[str, Any] = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}
    if i386:
        rules.append(_rule(_ALLOWED_I386))
        data["archMap"] = [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}
        ]
    else:
        rules.extend(_socket_rules())
    return json.dumps(data, separators=(",", ":"))


def _argument_rules() -> Iterator[dict[str, Any]]:
    """Yield the rules for calls that are allowed with certain arguments only.

    Each rule lists allowed values and never excludes one: the kernel uses 32 bits of an argument
    but the filter compares 64, so any of the upper bits would satisfy "not equal".
    """
    yield _rule(["clone"], _masked(0, _CLONE_NEW, 0))
    for persona in (0, 0xFFFFFFFF):  # the default, and the query of the current one
        yield _rule(["personality"], _equal(0, persona))
    yield _rule(["socketpair"], _equal(0, _UNIX))
    # No devices, not even the one that marks a deleted file in an overlay.
    yield _rule(["mknod"], _masked(1, _FILE_TYPE, _FIFO))
    yield _rule(["mknodat"], _masked(2, _FILE_TYPE, _FIFO))


def _socket_rules() -> Iterator[dict[str, Any]]:
    """Yield the rules for sockets: unix, TCP, UDP, and the netlink protocol for interfaces.

    The kernel has many more families and protocols, loads their modules at first use, and had its
    worst vulnerabilities in them.
    """
    yield _rule(["socket"], _equal(0, _UNIX))
    yield _rule(["socket"], _equal(0, _NETLINK), _equal(2, _ROUTE))
    for family in (_INET, _INET6):
        for socket_type, default in ((_STREAM, _TCP), (_DATAGRAM, _UDP)):
            for protocol in (0, default):
                yield _rule(
                    ["socket"],
                    _equal(0, family),
                    _masked(1, _SOCKET_TYPE, socket_type),
                    _equal(2, protocol),
                )


def _rule(names: list[str], *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ALLOW", "args": arguments}


def _equal(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
