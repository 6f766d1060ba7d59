"""Authentication of mail: SPF, DKIM, DMARC, ARC, our signatures and keys, and what may be forwarded."""
