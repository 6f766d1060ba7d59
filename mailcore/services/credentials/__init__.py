"""Credentials: passwords of all databases, SCRAM, app passwords, the directory, contact addresses."""
