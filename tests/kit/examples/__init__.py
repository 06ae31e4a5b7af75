"""Programs that check the examples."""
