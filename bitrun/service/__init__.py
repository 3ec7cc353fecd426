"""The parts of a running service, put together once.

May import `execution` and what is below it; knows no HTTP.
"""
