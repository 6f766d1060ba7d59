"""Running the service: jobs, backup, health, metrics, DNS records, reports, and the content of its pages."""
