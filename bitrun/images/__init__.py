"""Building of images: a language's tools, sealed with the supervisor.

May import `engine` and what is below it.
"""
