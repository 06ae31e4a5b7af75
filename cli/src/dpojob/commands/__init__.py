"""One module for each command (or pair of commands); each has a function that takes the parsed options."""
