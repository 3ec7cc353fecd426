"""The store: records of clients with a time to live, and durable queues of them.

May import `access`, `config` and `model`; knows nothing of runs and of HTTP.
"""
