"""Sandboxes: boxes that a client keeps for a while, with files and commands in them."""
