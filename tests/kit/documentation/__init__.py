"""The command blocks of the documentation."""
