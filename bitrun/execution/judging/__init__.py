"""Judges a program by many inputs: batches, comparison of outputs, checkers and interactors."""
