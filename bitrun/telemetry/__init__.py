"""What operators see: the log, the metrics, and the request that a thread works for.

May import `config` and `model`; knows no HTTP framework.
"""
