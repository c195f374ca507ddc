"""Coverage criteria: what is new about a row. A signal that keeps diversity, never a measure of success."""
