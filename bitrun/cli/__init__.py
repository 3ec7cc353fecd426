"""The `bitrun` command, for people at a terminal and for scripts.

May import every room. A command imports what only it needs when it runs: help stays fast, and the
base installation, which is a client, needs no library of the server.
"""
