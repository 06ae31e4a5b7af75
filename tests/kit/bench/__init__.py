"""Documents of benchmarks."""
