"""Out of office."""
