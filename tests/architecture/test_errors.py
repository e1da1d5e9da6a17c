"""The error tree in the docs is the one in the code."""

from __future__ import annotations

import pytest

import rapyer.errors
from rapyer.errors import RapyerError, TransactionError


def _lines(error: type[RapyerError], indent: str = "") -> list[str]:
    children = sorted(
        (child for child in error.__subclasses__() if child.__module__.startswith("rapyer.")),
        key=lambda c: c.__name__,
    )
    lines = []
    for position, child in enumerate(children):
        last = position == len(children) - 1
        lines.append(f"{indent}{'└── ' if last else '├── '}{child.__name__}{_builtin(child)}")
        lines += _lines(child, indent + ("    " if last else "│   "))
    return lines


def _builtin(error: type[RapyerError]) -> str:
    builtin = [base.__name__ for base in error.__bases__ if base.__module__ == "builtins"]
    return f" (also {builtin[0]})" if builtin else ""


def test_the_module_docstring_shows_the_tree() -> None:
    shown = [
        line.removeprefix("    ")
        for line in (rapyer.errors.__doc__ or "").splitlines()
        if line.startswith("    ")
    ]
    assert shown == ["RapyerError", *_lines(RapyerError)]


def _all(error: type[RapyerError]) -> list[type[RapyerError]]:
    return [error, *(found for child in error.__subclasses__() for found in _all(child))]


def test_every_error_can_be_imported_from_rapyer_errors() -> None:
    ours = {error.__name__ for error in _all(RapyerError) if error.__module__.startswith("rapyer.")}
    assert set(rapyer.errors.__all__) == ours


@pytest.mark.parametrize("error", [e for e in _all(RapyerError) if e.__module__.startswith("rapyer.errors")])
def test_the_hint_follows_the_message(error: type[RapyerError]) -> None:
    if error.__name__ == "DuplicateModelNameError":
        raised: RapyerError = error("User")
        assert str(raised).startswith("a model class named 'User' exists already; rename one of them")
        return
    more = {"position": 0, "applied": 0} if issubclass(error, TransactionError) else {}
    raised = error("it broke", hint="mend it", **more)  # type: ignore[arg-type]
    assert str(raised) == "it broke; mend it"
