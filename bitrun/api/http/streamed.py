"""Replies that are written in parts."""

from flask import Response


class Streamed(Response):
    """A response whose body is an iterator, read once, while it is sent."""

    # Reading its length, as a log does, would collect all parts first.
    implicit_sequence_conversion = False
