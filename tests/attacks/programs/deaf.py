"""A program that no signal impresses."""

import signal
import time

for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:
        pass
time.sleep(60)
