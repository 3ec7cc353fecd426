"""The conformance test: every language installed, tested with its sample programs and measured."""
