"""The text of a magic's line, read without ever running it: words, values of variables, and filters."""

from rapyer_nb.parsing.filters import as_filter, parse_filter
from rapyer_nb.parsing.values import resolve
from rapyer_nb.parsing.variables import Variables
from rapyer_nb.parsing.words import split_words

__all__ = ("Variables", "as_filter", "parse_filter", "resolve", "split_words")
