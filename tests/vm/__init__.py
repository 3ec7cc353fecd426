"""Tests for every kind of engine; `make test-vm` runs them against the one in a virtual machine."""
