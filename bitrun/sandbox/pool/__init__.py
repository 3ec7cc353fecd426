"""The pool of boxes created ahead, and the pure functions that decide how it is refilled."""
