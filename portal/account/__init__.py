"""The owner's own data, passwords and log-ins."""
