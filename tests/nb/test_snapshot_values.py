"""How two values differ, and how that looks; without Redis."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapyer_nb.errors import NotebookError
from rapyer_nb.snapshots import Scope, Shelf
from rapyer_nb.snapshots.values import MISSING, Part, parts_between
from rapyer_nb.views.changes import Changes, Group, Line

HOSTILE = '<img src=x onerror="alert(1)">\x1b[31m\n'

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, width=16)
    | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [Part("~", "a", 1, 2)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [Part("~", "a.c", 2, 3)]),
        ({"a": 1}, {}, [Part("-", "a", before=1)]),
        ({}, {"a": None}, [Part("+", "a", after=None)]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [Part("-", "a[1]", before=2)]),
        ({"a": [1, 2]}, {"a": [0, 1, 2]}, [Part("+", "a[0]", after=0)]),
        ({"a": [1, 2]}, {"a": [1, 5, 6]}, [Part("~", "a[1]", 2, 5), Part("+", "a[2]", after=6)]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [Part("~", "a[0].b", 1, 2)]),
        ({"a": True}, {"a": 1}, [Part("~", "a", True, 1)]),
        ({"a": 1}, {"a": 1.0}, [Part("~", "a", 1, 1.0)]),
        ({"a": [True]}, {"a": [1]}, [Part("~", "a[0]", True, 1)]),
        (1, [1], [Part("~", "", 1, [1])]),
    ],
)
def test_the_smallest_parts_that_differ(before: Any, after: Any, parts: list[Part]) -> None:
    found = list(parts_between(before, after))
    assert found == parts
    assert [type(part.after) for part in found] == [type(part.after) for part in parts]


@given(JSON, JSON)
def test_there_are_parts_exactly_where_values_differ(before: Any, after: Any) -> None:
    assert list(parts_between(before, copy.deepcopy(before))) == []
    parts = list(parts_between(before, after))
    assert bool(parts) == (repr_of(before) != repr_of(after))
    for part in parts:
        assert (part.before is MISSING) == (part.sign == "+")
        assert (part.after is MISSING) == (part.sign == "-")


def repr_of(value: Any) -> Any:
    if isinstance(value, dict):
        return "dict", sorted((name, repr_of(inner)) for name, inner in value.items()).__repr__()
    if isinstance(value, list):
        return "list", [repr_of(inner) for inner in value]
    # JSON has one zero for == to find.
    return type(value).__name__, repr(value + 0.0 if isinstance(value, float) and value == 0 else value)


def test_changes_are_escaped_and_capped_in_both_forms() -> None:
    line = Line("~", HOSTILE, HOSTILE, HOSTILE * 100)
    view = Changes(HOSTILE, [Group("~", HOSTILE, HOSTILE, [line] * 40)] * 50, [HOSTILE])
    for shown in (view.html(), view.text()):
        assert "\x1b" not in shown
        assert "… 28 more" in shown
        assert "… 30 more" in shown
    assert "<img" not in view.html()
    assert len(view.html()) < 150_000


def test_a_shelf_says_what_it_has() -> None:
    shelf = Shelf()
    with pytest.raises(NotebookError, match="there is no snapshot 'x'; take one: %rapyer_snapshot x"):
        shelf.get("x")
    assert "no snapshots" in shelf.view().text()
    assert len(shelf) == 0


def test_a_scope_needs_a_model() -> None:
    with pytest.raises(NotebookError, match="there are no models; define one first"):
        Scope.of([])


def test_a_part_without_a_value_says_so() -> None:
    assert (
        repr(Part("+", "tags[0]", after="x")) == "Part(sign='+', path='tags[0]', before=MISSING, after='x')"
    )
