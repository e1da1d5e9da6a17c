"""Queries: expressions, their one compiler, indexes, and reading the matches."""
