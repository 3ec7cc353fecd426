"""The parts of a running service: their creation, configuration, readiness and collectors.

May import `execution` and what is below it; knows no HTTP.
"""
