"""Checks of the machine, its engine and the installed languages, with remedies.

May import every room but `cli`.
"""
