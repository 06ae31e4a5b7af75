"""Stand-ins and fixed jobs for the tests of the command and its page."""
