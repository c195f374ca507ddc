"""Parts of `scripts/bench peers`: loops of others, their libraries, and how both sides are timed."""
