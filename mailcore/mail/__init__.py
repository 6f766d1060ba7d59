"""Knowledge of messages: header, structure, envelope, trace.  Pure: octets in, values out."""
