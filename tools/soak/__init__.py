"""The soak test: an hour of full load on a real service, with every answer checked."""
