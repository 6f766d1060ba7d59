"""Mail as it comes: header, addresses, charsets, parts, text.  Octets in, values out; nothing is raised."""
