"""Boxes made ahead, and the decision which to make next."""
