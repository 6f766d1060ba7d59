"""Other systems of the university: people by SCIM, tokens of programs, counts."""
