"""The sections of the benchmark; each module has `cells(rehearsal)`, which imports no torch."""
