"""The egress proxy: the one way out of a box, to the hosts of an allow-list."""
