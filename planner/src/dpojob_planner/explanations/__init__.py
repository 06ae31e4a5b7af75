"""The planner's sentences for users: why a plan was made, and why it was refused."""
