"""Sends signals to all processes without end."""

import os
import signal

signal.signal(signal.SIGUSR1, signal.SIG_IGN)
os.fork()
while True:
    os.kill(-1, signal.SIGUSR1)
