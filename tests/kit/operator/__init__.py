"""Stand-ins for the operator's API client, and the objects and processes that its tests share."""
