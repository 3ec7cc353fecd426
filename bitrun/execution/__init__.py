"""Builds and runs jobs: the only way from `api` to `sandbox`.

May import `packages` and what is below it; knows no HTTP and no docker-py.
"""
