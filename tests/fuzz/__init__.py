"""Coverage-guided fuzzing of everything that reads what a user or a pod has written."""
