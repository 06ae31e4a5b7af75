"""The rules that every run is checked against, and the history of objects that they read."""
