"""A cluster as the operator sees it: fakes of the kubelet and of Kueue, and the operator with a clock of the test."""
