"""Figures over all rows that make no single row wrong: repeats, contradictions, leaks, the split."""
