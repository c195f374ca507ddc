"""The tasks of `scripts/bench effectiveness`, by name."""
