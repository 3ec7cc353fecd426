"""The protocol that the service and the supervisor of a box speak; see `docs/protocol.md`."""
