"""As many open descriptors as possible, in many processes."""

import os
import time

for _ in range(50):
    if not os.fork():
        break
try:
    while True:
        os.pipe()
except OSError:
    time.sleep(1.5)
