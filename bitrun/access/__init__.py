"""Clients and their permissions: tokens, client identity, limits, the listening address.

May import `telemetry` and the rooms below it; imports no HTTP library.
"""
