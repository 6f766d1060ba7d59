"""Real processes and real clients."""
