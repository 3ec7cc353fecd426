"""How images are made: what a package consists of, sealed with the supervisor.

May import `engine` and what is below it.
"""
