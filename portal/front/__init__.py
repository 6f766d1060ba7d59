"""The first page, and pages about the service."""
