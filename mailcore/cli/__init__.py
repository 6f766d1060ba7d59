"""The command `alumnimail`."""
