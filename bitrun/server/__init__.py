"""Serves the application with gunicorn: configuration, worker, memory of the process.

May import `api` and what is below it. No other room knows gunicorn's worker.
"""
