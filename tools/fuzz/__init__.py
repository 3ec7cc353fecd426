"""Fuzzes the supervisor, all of it, in a world made of memory: `make fuzz`, see `world.h`.

libFuzzer, with the sanitizers of addresses and of undefined behaviour, runs in a container of an
image of ours, so that it needs nothing but the engine, and is the same compiler everywhere.
"""
