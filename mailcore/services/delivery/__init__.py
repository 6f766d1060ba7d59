"""Delivery of messages: scripts run, copies filed, replies and reports queued, and submission."""
