"""Jobs, models and pools for the property tests of the planner."""
