"""A program that holds the lock of a pipe, for which the supervisor then waits."""

# Python. A splice() to a pipe holds its lock until the socket has as much as is waited for.
HOLD = """
import os, socket, sys, threading, time
def hold(pipe):
    taken, given = socket.socketpair()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 65536)
    given.send(b"hello")
    os.splice(taken.fileno(), pipe, 65536)
"""
