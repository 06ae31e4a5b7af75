"""What inspection and training both need, and which imports neither of them.

The rows of a dataset, the checks of the output directory and of experiment trackers, the environment and the
termination message of the container, the Hub client, the network of HTTP clients, and how a reward model is
known.
"""

__all__ = [
    "container_environment",
    "errors",
    "experiment_trackers",
    "hub_client",
    "network_backend",
    "output_check",
    "problem_text",
    "reward_model",
    "termination_message",
    "volume_paths",
]
