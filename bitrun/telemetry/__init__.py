"""The log, the metrics, traces, and the context of requests.

May import `config` and `model`; knows no HTTP framework.
"""
