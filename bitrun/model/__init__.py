"""Jobs, results, run records, errors: plain data.

Imports nothing of ours; knows neither HTTP nor Docker.
"""
