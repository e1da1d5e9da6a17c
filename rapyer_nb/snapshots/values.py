"""How two values differ, part by part; knows nothing of Redis."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Sign = Literal["+", "-", "~"]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What stands for no value."""
_SETS: Final = (set, frozenset)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a value that differs.

    Attributes:
        sign: "+" where it was added, "-" where it was removed, "~" where it changed.
        path: Where it is, such as `address.city` or `tags[3]`.
        before: What it was; `MISSING` for what was added.
        after: What it is; `MISSING` for what was removed.
    """

    sign: Sign
    path: str
    before: Any = MISSING
    after: Any = MISSING


def parts_between(before: Any, after: Any, path: str = "") -> Iterator[Part]:
    """Yield how two values differ, the smallest parts that do: JSON values, and sets.

    Args:
        before: What it was.
        after: What it is.
        path: Where the values are.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _between_dicts(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _between_lists(before, after, path)
    elif isinstance(before, _SETS) and isinstance(after, _SETS):
        yield from (Part("-", path, before=value) for value in sorted(before - after, key=repr))
        yield from (Part("+", path, after=value) for value in sorted(after - before, key=repr))
    elif _differ(before, after):
        yield Part("~", path, before, after)


def _between_dicts(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Part]:
    for name, old in before.items():
        where = f"{path}.{name}" if path else name
        if name not in after:
            yield Part("-", where, before=old)
        else:
            yield from parts_between(old, after[name], where)
    for name, new in after.items():
        if name not in before:
            yield Part("+", f"{path}.{name}" if path else name, after=new)


def _between_lists(before: list[Any], after: list[Any], path: str) -> Iterator[Part]:
    """Compare element by element what stands between the common beginning and the common end."""
    shortest = min(len(before), len(after))
    start = 0
    while start < shortest and not _differ(before[start], after[start]):
        start += 1
    end = 0
    while end < shortest - start and not _differ(before[-1 - end], after[-1 - end]):
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    common = min(len(old), len(new))
    for position in range(common):
        yield from parts_between(old[position], new[position], f"{path}[{start + position}]")
    for position, value in enumerate(islice(old, common, None), start + common):
        yield Part("-", f"{path}[{position}]", before=value)
    for position, value in enumerate(islice(new, common, None), start + common):
        yield Part("+", f"{path}[{position}]", after=value)


def _differ(one: Any, other: Any) -> bool:
    """Tell whether JSON values differ; Python takes `True` for `1`, deep in a container as well."""
    if type(one) is not type(other):
        return True
    if isinstance(one, dict):
        return one.keys() != other.keys() or any(_differ(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) != len(other) or any(map(_differ, one, other))
    return bool(one != other)
