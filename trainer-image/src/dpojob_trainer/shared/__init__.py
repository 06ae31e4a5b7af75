"""What inspection and training both need, and which imports neither of them.

The preference pair with its messages and row errors, the checks of the output directory and of
experiment trackers, the environment and the termination message of the container, and the Hub client.
"""
