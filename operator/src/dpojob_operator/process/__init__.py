"""The process itself: its settings, clock, metrics and health probes, and how its parts run together."""
