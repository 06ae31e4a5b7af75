"""What users and the cluster do in a run: scenarios, external events, sequences of spec edits."""
