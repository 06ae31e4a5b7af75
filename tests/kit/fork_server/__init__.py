"""Operator processes that start quickly: forked from one process that has imported everything."""
