"""Stops its whole process group."""

import os
import signal

os.fork()
os.kill(0, signal.SIGSTOP)
