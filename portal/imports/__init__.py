"""Mail that owners fetch from another server (N32)."""
