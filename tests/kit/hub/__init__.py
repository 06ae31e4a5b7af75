"""A Hugging Face hub on the loopback interface, as far as huggingface_hub and git use one."""
