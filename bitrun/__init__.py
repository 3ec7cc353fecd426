"""Runs untrusted code, every run in a Docker container of its own.

The rooms, top down; each may import only from those below it (`tests/test_structure.py`):

    cli          the `bitrun` command
    doctor       checks of machine, engine and images
    server       gunicorn: its settings and worker, the WSGI application, the memory of the process
    api          HTTP: one folder a dialect (v1, piston, ...), and http/ for what they share
    service      the parts of a running service, put together; readiness, configuration, collectors
    execution    one Job in, one Result out: runner, admission, judging, work; sandboxes, kernels
    packages     what can be installed and what is: manager, builds, runtimes, SemVer ranges
    sandbox      boxes: containers, seccomp, supervisor/ (the protocol), pool/, cleanup/
    images       how images are made: root file system, build context, unsealed, sealed
    engine       the one seam to docker-py
    callbacks    requests to addresses that clients name, never to the inside
    store        records of clients with a time to live, and durable queues
    access       tokens, client identity, rate limits, the check of the listening address
    cluster      what the nodes of a cluster share by Redis
    telemetry    log, metrics, request context
    config       settings and catalogue
    model        jobs, results, run records, errors: plain data

`client` (the HTTP API for Python) and `mcp` (tools for agents) stand apart: of ours, `client`
imports nothing and `mcp` only `client`.

A request goes down, `api/<dialect>` -> `execution` -> `sandbox` -> `engine`, and its answer comes
back by return.
"""

__version__ = "0.1.0"
