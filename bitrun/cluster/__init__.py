"""What the nodes of a cluster share by a Redis server: the connection to it, the table of nodes.

May import `telemetry`, `config` and `model`.
"""
