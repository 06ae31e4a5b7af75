"""Benchmark of the operator beside bare Jobs and Kubeflow Trainer: `python -m bench.operator`, docs/performance.md."""
