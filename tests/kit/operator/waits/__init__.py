"""Jobs in every wait and failure that the documentation lists, and what holds them."""
