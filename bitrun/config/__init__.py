"""Settings and the catalogue: read once, checked, frozen.

May import `model`; knows neither HTTP nor Docker.
"""
