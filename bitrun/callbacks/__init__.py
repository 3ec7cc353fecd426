"""Callbacks: requests of the service to addresses that its clients name, but never to the inside.

May import `access`, `config` and `model`.
"""
