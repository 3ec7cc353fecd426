"""Removal of containers: the registry of those that exist, the janitor, the removal of orphans."""
