"""What the operator remembers from watch events: which objects to read, never what to decide."""
