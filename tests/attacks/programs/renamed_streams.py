"""Streams put in one another's place without end, at which the supervisor looks, too."""

import os

while True:
    os.dup2(1, 1)
