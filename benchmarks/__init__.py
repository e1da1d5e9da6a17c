"""Measures what operations cost, as ratios to doing the same by hand; see README.md."""
