"""The `bitrun` command: the service for people at a terminal, and for scripts."""
