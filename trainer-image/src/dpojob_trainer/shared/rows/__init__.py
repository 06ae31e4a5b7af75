"""A row of a dataset: as it is read, in batches; as the preference pair it becomes; and why it is refused."""

__all__ = [
    "accepted_batch",
    "messages",
    "preference_pair",
    "row_batch",
    "row_error",
    "turn_marks",
]
