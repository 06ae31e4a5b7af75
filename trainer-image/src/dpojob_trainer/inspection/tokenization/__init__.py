"""The model's own chat template and tokenizer, without transformers."""
