"""The benchmark: cost of a run compared with bare processes, `docker run` and the engine alone."""
