"""Boxes: containers that are created, used once and discarded.

May import `images` and what is below it; knows no HTTP and no metrics.
"""
