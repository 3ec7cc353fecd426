"""Packages of the catalogue: which are installed, and their installation and removal.

May import `sandbox` and what is below it; knows no HTTP.
"""
