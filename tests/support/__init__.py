"""What tests share: a loopback Hugging Face hub, tiny models and datasets."""
