"""All that knows Docker. Nothing here knows HTTP."""
