"""Tests of the course in notebooks/: its form, that it runs, and that it calls every documented operation."""
