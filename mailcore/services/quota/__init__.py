"""Room in a mailbox: quota, warnings, and making room."""
