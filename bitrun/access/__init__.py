"""Clients and their permissions: tokens, client identity, limits, the listening address.

May import `cluster` and the rooms below it; imports no HTTP library.
"""
