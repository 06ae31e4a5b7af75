"""Access to the Kubernetes API: the client, the kinds of object, parsing, Events and leader election."""
