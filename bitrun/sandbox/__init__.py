"""Boxes: containers that are created, used by one client and discarded.

May import `images` and what is below it; knows no HTTP and no metrics.
"""
