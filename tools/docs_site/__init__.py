"""The documentation as a site: mkdocs' hook, and the widget that runs its examples."""
