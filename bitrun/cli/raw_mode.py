"""The terminal of the command, while the program's own terminal does all that terminals do."""

import contextlib
import os
import sys
import termios
import tty
from typing import Self

from bitrun.client import TerminalSize

_DEFAULT_SIZE = TerminalSize(rows=24, columns=80)


class RawMode:
    """Changes the modes of the terminal `descriptor`, and restores them."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._modes = termios.tcgetattr(descriptor)

    @classmethod
    def of(cls, stdin: int) -> Self | None:
        """Return that of stdin; None unless stdin, stdout and stderr are terminals."""
        streams = (stdin, sys.stdout.fileno(), sys.stderr.fileno())
        return cls(stdin) if all(map(os.isatty, streams)) else None

    @property
    def size(self) -> TerminalSize:
        columns, rows = os.get_terminal_size(self.descriptor)
        # A terminal has no size until somebody sets it.
        return TerminalSize(rows or _DEFAULT_SIZE.rows, columns or _DEFAULT_SIZE.columns)

    def await_program(self) -> None:
        """Keep what is typed for the program, whose terminal will echo it. Ctrl-C is a signal."""
        modes = termios.tcgetattr(self.descriptor)
        modes[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(self.descriptor, termios.TCSADRAIN, modes)

    def enter(self) -> None:
        """Pass on every byte as it is typed and as it is printed."""
        # Not TCSAFLUSH, the default, which would discard what has been typed ahead.
        tty.setraw(self.descriptor, termios.TCSADRAIN)

    def restore(self) -> None:
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(self.descriptor, termios.TCSADRAIN, self._modes)
