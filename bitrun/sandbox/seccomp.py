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
    access chdir chmod chown close close_range creat dup dup2 dup3 faccessat faccessat2 fallocate
    fchdir fchmod fchmodat fchmodat2 fchown fchownat flock fstat fstatfs ftruncate futimesat
    getcwd getdents getdents64 lchown link linkat lseek lstat mkdir mkdirat newfstatat open openat
    openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat
    readv rename renameat renameat2 rmdir stat statfs statx symlink symlinkat truncate umask unlink
    unlinkat utime utimensat utimes write writev

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

    brk map_shadow_stack membarrier mincore mlock mlock2 mlockall mprotect mremap mseal msync
    munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect

    alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time
    timer_create timer_delete timer_getoverrun timer_gettime timer_settime times

    arch_prctl execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv
    futex_wake get_robust_list get_thread_area getcpu getpgid getpgrp getpid getpriority getppid
    getrlimit getrusage getsid gettid pause pidfd_open pidfd_send_signal
    restart_syscall rseq set_robust_list set_thread_area set_tid_address setpgid setpriority setsid
    vfork wait4 waitid

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

# They return 0 without doing anything. Nothing is lost: all that a box can write is memory. Done by
# the kernel they act on the host, outside the limits of a box:
#
# - `sync` and `syncfs` write what all programs of the host have left to write, for as long as that
#   takes, and can't be killed meanwhile.
# - `fsync` and `fdatasync` of `/` or `/etc/hosts`, which are on the host's disk though a box can't
#   write to them, make the disk flush its cache: one flush a call, measured.
# - `fadvise64` evicts files of images from the page cache, which boxes share. The program that then
#   reads them again has them charged to its cgroup, which so outlives its box.
#
# Their relatives are allowed. `readahead` and MADV_WILLNEED read what any program may read;
# MADV_PAGEOUT and MADV_COLD leave pages of files that a program can't write in the page cache;
# `msync` does nothing for a file that is open for reading only; `mincore` says of such a file that
# all of it is in memory.
_NO_OP = """
    fadvise64 fdatasync fsync sync sync_file_range syncfs
""".split()
_NO_OP_I386 = ["fadvise64_64"]

# Further calls that programs of 32-bit x86 use. They can't open sockets: the arguments of
# `socketcall` are in memory.
_ALLOWED_I386 = """
    _llseek _newselect chown32 clock_gettime64 clock_nanosleep_time64 fchown32 fstat64
    fstatat64 ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getuid32 lchown32
    lstat64 nice ppoll_time64 sendfile64 sigaction signal sigprocmask sigreturn stat64
    statfs64 truncate64 ugetrlimit waitpid
""".split()

# Linux's numbers: the service need not run on the same kernel as its boxes.
_ENOMEM, _EINVAL, _ENOSYS = 12, 22, 38
_CLONE_NEW = 0x7E020000  # all flags that create namespaces
_FILE_TYPE, _FIFO = 0o170000, 0o010000
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_SOCKET_TYPE, _STREAM, _DATAGRAM = 0xF, 1, 2
_TCP, _UDP = 6, 17
_RLIMIT_CORE, _RLIMIT_BITS = 4, 4  # of 16 resources
_MADV_MERGEABLE, _MADV_BITS = 12, 5  # of the advice below 32
_MAP_HUGETLB, _MFD_HUGETLB = 0x40000, 4
_SET_WRITE_HINT, _FCNTL_BITS = 1036, 11  # of the commands of fcntl
_PR_SCHED_CORE, _PRCTL_BITS = 62, 8
_ROUTE = 0  # the netlink protocol that C libraries use to list network interfaces


def profile(*, i386: bool = False) -> str:
    """Return the profile as JSON; with `i386`, also for programs of 32-bit x86."""
    rules = [_rule(_ALLOWED + _ALLOWED_SUPERVISOR), *_argument_rules()]
    rules += [_failing(_ABSENT, _ENOSYS), _failing(_NO_OP, 0)]
    data: dict[str, Any] = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}
    if i386:
        rules += [_rule(_ALLOWED_I386), _failing(_NO_OP_I386, 0), *_fcntl_rules("fcntl64")]
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
    # On a host with KSM, its thread would compare and merge the pages, outside the limits of the
    # box, and the time of a write would say whether another box has the same page.
    yield from _all_but("madvise", 2, _MADV_MERGEABLE, _MADV_BITS)
    yield _failing(["madvise"], _EINVAL, _low(2, _MADV_BITS, _MADV_MERGEABLE))
    # Core scheduling: as long as threads of a box have cookies of their own, each keeps the other
    # threads of its processor's core idle, whatever the box's share of the processors is.
    yield from _all_but("prctl", 0, _PR_SCHED_CORE, _PRCTL_BITS)
    yield _failing(["prctl"], _EINVAL, _low(0, _PRCTL_BITS, _PR_SCHED_CORE))
    # Pages that the host has reserved (nr_hugepages) are not charged to the box. 32-bit programs
    # can still get them: their old `mmap` has its flags in memory. `shmget` needs a privilege.
    for names, index, flag, error in (
        (["mmap", "mmap2"], 3, _MAP_HUGETLB, _ENOMEM),
        (["memfd_create"], 1, _MFD_HUGETLB, _ENOSYS),
    ):
        yield _rule(names, _masked(index, flag, 0))
        yield _failing(names, error, _masked(index, flag, flag))
    yield from _fcntl_rules("fcntl")
    yield from _core_limit_rules()


def _fcntl_rules(name: str) -> Iterator[dict[str, Any]]:
    """Yield the rules by which programs can't set the write hint of an inode.

    Before Linux 6.9 who can open a file can set its hint, be it the image's and read-only. The next
    program in the same box could read it.
    """
    command = 1, _FCNTL_BITS
    yield from _all_but(name, 1, _SET_WRITE_HINT, _FCNTL_BITS)
    yield _failing([name], _EINVAL, _low(*command, _SET_WRITE_HINT))


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


def _core_limit_rules() -> Iterator[dict[str, Any]]:
    """Yield the rules by which programs can't change their limit of core dumps, see `box_maker`.

    They can't raise it anyway. With a lower one, 0, the kernel would start the host's program for
    core dumps. Programs that set it to 0 do so to be safe, and expect no error: the calls return 0.
    Only a `prlimit64` that also asks for the old limit fails, since it would get none.
    """
    core = _RLIMIT_BITS, _RLIMIT_CORE
    yield from _all_but("setrlimit", 0, _RLIMIT_CORE, _RLIMIT_BITS)
    yield _failing(["setrlimit"], 0, _low(0, *core))
    yield from _all_but("prlimit64", 1, _RLIMIT_CORE, _RLIMIT_BITS)
    yield _rule(["prlimit64"], _low(1, *core), _equal(2, 0))
    yield _failing(["prlimit64"], 0, _low(1, *core), _not_null(2), _equal(3, 0))


def _all_but(name: str, index: int, value: int, bits: int) -> Iterator[dict[str, Any]]:
    """Yield the rules that allow a call unless the low `bits` bits of an argument are `value`.

    Each rule is for one bit that differs. Rules of one call with different actions must not
    overlap: libseccomp does not say which of them wins.
    """
    for bit in range(bits):
        yield _rule([name], _masked(index, 1 << bit, ~value & 1 << bit))


def _failing(names: list[str], errno: int, *arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the rule for calls that fail, or with an `errno` of 0 succeed, without being made."""
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno, "args": arguments}


def _rule(names: list[str], *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ALLOW", "args": arguments}


def _equal(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _low(index: int, bits: int, value: int) -> dict[str, Any]:
    return _masked(index, (1 << bits) - 1, value)


def _not_null(index: int) -> dict[str, Any]:
    return {"index": index, "value": 0, "op": "SCMP_CMP_NE"}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
