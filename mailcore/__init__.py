"""The mail system."""
