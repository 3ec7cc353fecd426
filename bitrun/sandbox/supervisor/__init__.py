"""The protocol between the service and the supervisor of a box: see `docs/protocol.md`.

`frames` encodes and decodes frames, `stage_command` encodes the command of a stage,
`verdict_report` decodes the report of a finished one. `client` is the service's side of a
connection, and `attached_stream` its transport: the attach stream of the Docker API.
"""

SUPERVISOR = "/bitrun/supervisor"  # in every image
