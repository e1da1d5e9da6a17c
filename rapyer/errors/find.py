"""Errors about queries and indexes."""

from __future__ import annotations

from rapyer.errors.base import RapyerError


class FindError(RapyerError):
    """Base of the errors that queries, and calls that take keys or filters, raise."""


class BadFilterError(FindError, ValueError):
    """The expression is not a filter, or compares a field with a value of another type."""


class NotIndexedError(FindError):
    """The expression asks for a field that has no index."""


class PartialSearchError(FindError):
    """The server would leave matches out of the result, and this cannot be helped."""


class UnsupportedIndexedFieldError(FindError):
    """The field is declared with an index that its type does not allow."""


class UnsupportedArgumentValueError(FindError, ValueError):
    """An argument of a query has a value that makes no sense."""


class UnsupportedArgumentTypeError(FindError, TypeError):
    """An argument is neither a key, nor an instance, nor a filter."""


class MissingParameterError(UnsupportedArgumentTypeError):
    """A bulk operation was called without saying on what."""
