"""The end of the service, as people see it."""
