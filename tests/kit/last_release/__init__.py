"""The last release, which upgrades begin with."""
