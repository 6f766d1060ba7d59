"""The scripts of an account: generated, personal, imported, and how a script sees a message."""
