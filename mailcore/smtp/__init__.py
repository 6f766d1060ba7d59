"""SMTP in, submission and LMTP, on aiosmtpd."""
