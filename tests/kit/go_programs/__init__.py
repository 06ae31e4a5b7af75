"""Libraries in Go by which other tools read our objects, each in a small program."""
