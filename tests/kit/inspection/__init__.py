"""Volumes, rows and models for the tests of the inspection."""
