"""modality."""
