"""Fields and names of mail that passes through: Authentication-Results, hashes, signatures, SRS."""
