"""Removal of what a crash would leave on the engine."""
