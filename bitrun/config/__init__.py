"""Settings and the catalogue: read once, validated, immutable.

May import `model`; imports neither HTTP nor Docker.
"""
