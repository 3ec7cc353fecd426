"""Fuzzes the whole supervisor on a fake kernel: `make fuzz`, see `fake_kernel.h`.

libFuzzer, with AddressSanitizer and UndefinedBehaviorSanitizer, runs in a container of our image
`clang`: it needs nothing but the engine, and the compiler is the same everywhere.
"""
