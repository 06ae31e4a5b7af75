"""How fast inspection is, how much memory it takes and which planted errors it finds: `python -m bench.inspect`."""
