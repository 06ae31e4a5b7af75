"""What a fault run needs around the operator: node, namespace, pool, settings, processes."""
