"""What a model is, and what its operations send."""
