"""The way of each message, and why it went there."""
