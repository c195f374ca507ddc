"""Promises about what happens where something breaks, and the matrices behind them: docs/faults.md."""
