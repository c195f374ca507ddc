"""What `scripts/bench effectiveness` is made of."""
