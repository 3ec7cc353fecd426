"""Linux's signals on x86 and ARM.

Python's signal module lacks SIGSTKFLT on other hosts, and the service need not run on the kernel
that its boxes run on.
"""

from collections.abc import Mapping

SIGNAL_NUMBERS: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        (
            "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV "
            "SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN "
            "SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS"
        ).split(),
        start=1,
    )
} | {f"SIGRT{number}": number for number in range(32, 65)}
SIGNAL_NAMES: Mapping[int, str] = {number: name for name, number in SIGNAL_NUMBERS.items()}
