"""A virtual machine with a current Debian, kernel and Docker engine, for tests against that engine.

`image` makes its disk, `machine` runs it, `python -m tools.vm` runs tests outside of it that use
its engine through a forwarded socket.
"""
