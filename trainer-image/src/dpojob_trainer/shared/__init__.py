"""What inspection and training both need, and which imports neither of them.

The preference pair with its messages and row errors, the checks of the output directory and of
experiment trackers, the environment and the termination message of the container, and the Hub client.
"""

__all__ = [
    "accepted_batch",
    "container_environment",
    "errors",
    "experiment_trackers",
    "hub_client",
    "messages",
    "output_check",
    "preference_pair",
    "problem_text",
    "row_batch",
    "row_error",
    "termination_message",
    "turn_marks",
    "volume_paths",
]
