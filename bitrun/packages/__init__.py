"""What can be installed and what is installed.

May import `sandbox` and what is below it; knows no HTTP.
"""
