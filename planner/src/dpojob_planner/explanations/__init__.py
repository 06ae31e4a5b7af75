"""The planner's sentences for users: why a plan was made, why a pool was passed over, why a job is refused."""

__all__ = []
