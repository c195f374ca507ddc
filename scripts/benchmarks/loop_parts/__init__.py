"""Parts of `scripts/bench loop`: what is measured, by which clocks, in which counts."""
