"""What the result of a benchmark must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def value_of(result: Any, name: str) -> Any:
    """Return a value of a document, whether it came as a model or as a dict."""
    return result[name] if isinstance(result, dict) else getattr(result, name)


def equals(expected: Any) -> Callable[[Any], None]:
    """Return a check that the result is just that."""

    def check(result: Any) -> None:
        assert result == expected, f"{result!r} instead of {expected!r}"

    return check


def positive(result: Any) -> None:
    """Check that the result is above zero."""
    assert result > 0, result


def named(name: str) -> Callable[[Any], None]:
    """Return a check that the result is a model, or a dict, of that name."""

    def check(result: Any) -> None:
        assert value_of(result, "name") == name, result

    return check


def found(number: int, age: int | None = None) -> Callable[[Any], None]:
    """Return a check that so many documents were found, all of an age if one is given."""

    def check(result: list[Any]) -> None:
        assert len(result) == number, f"{len(result)} found instead of {number}"
        assert value_of(result[0], "score") == 1.5
        assert age is None or all(value_of(one, "age") == age for one in result)

    return check
