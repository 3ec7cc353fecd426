"""The compile cache: what a compile stage leaves is kept, for the next identical one.

A *compilation* is the compile stage of one job. What it leaves, its *artifact*, is found by a key
of all that the stage depends on, the client included: `key`. `store` keeps artifacts on disk, in a
`folder` that goes with the process; `artifact` has their format. `cache` puts them together.
"""
