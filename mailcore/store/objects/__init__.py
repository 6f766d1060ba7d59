"""Octets of large messages by their SHA-256, outside of the database: files, or objects of an S3 server."""
