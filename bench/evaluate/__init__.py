"""Whether the statistics of the evaluation hold what they say: `python -m bench.evaluate`."""
