"""The steps that make the schema, one module each (docs/architecture.md, "How to change the schema")."""
