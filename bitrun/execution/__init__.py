"""One `Job` in, one `Result` out: the only door from `api` to `sandbox`.

May import `packages` and what is below it; knows no HTTP and no docker-py.
"""
