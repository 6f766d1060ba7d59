"""Forwarding, and what the person at its target may do."""
