"""Runs untrusted code, every run in a Docker container of its own."""

__version__ = "0.1.0"
