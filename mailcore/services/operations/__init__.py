"""What keeps the service running: jobs, backup, health, metrics, DNS records, reports, and what its pages tell."""
