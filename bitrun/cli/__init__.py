"""The `bitrun` command, for people at a terminal and for scripts.

May import every room; a command imports what only it needs when it runs.
"""
