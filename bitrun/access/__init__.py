"""Who the clients are and what they may do: tokens, identity, rate limits, the address check.

May import `telemetry` and what is below it; knows no HTTP.
"""
