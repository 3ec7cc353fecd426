"""Jupyter kernels in sandboxes: one process of a box, whose messages several clients read.

A *driver* in the box (`images/jupyter/kernel_driver.py`) starts a kernel and passes its messages
over stdin and stdout: `frames` is that protocol, `message` the layout of a message in it. A
`kernel` is the service's side of one, a `connection` one reader of it, and `kernels` are those of a
sandbox. `cell` runs code in one, and gathers what comes of it.
"""
