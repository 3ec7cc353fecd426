"""Whether a machine and its engine are fit for the service, and what to do if they are not."""
