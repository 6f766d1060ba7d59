"""What becomes of a message: scripts run, copies filed, replies and reports queued, and submission."""
