"""The benchmark: what a run costs, beside what it could cost at best, all in one go."""
