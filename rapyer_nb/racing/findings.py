"""What runs at the same time left, against what the same runs leave one after the other; sends nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rapyer.commands.content import DOCUMENT, NOTHING
from rapyer_nb.snapshots import value_of
from rapyer_nb.snapshots.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rapyer_nb.snapshots import Kept

    States = Mapping[str, Kept]

Kind = Literal["same", "lost", "more", "other"]
Place = tuple[str, ...]
"""Where a value is: the name of the field beside the document, or none, and the names that lead to it."""


@dataclass(frozen=True)
class Finding:
    """One value that the runs have changed.

    Attributes:
        key: The key of the document.
        place: Where in it.
        start: What it was before.
        expected: What it is when the runs come one after the other.
        found: What it is when they come at the same time.
        kind: "same"; "lost" where less was done than expected; "more" where more was; "other" where the two
            differ in another way, which may be due to the order alone.
        lost: How many updates are missing, as far as that can be counted.
    """

    key: str
    place: Place
    start: Any
    expected: Any
    found: Any
    kind: Kind
    lost: int = 0

    @property
    def path(self) -> str:
        """Where it is, as a text."""
        return ".".join(self.place) or "the document"


def values_of(kept: Kept | None) -> Any:
    """Return all that a model held as one value: the document, with what lives beside it as fields."""
    if kept is None or kept.document.kind != DOCUMENT:
        return MISSING
    document = value_of(kept.document)
    if not isinstance(document, dict):
        return document
    return {**document, **{name: _beside(kept, name) for name in kept.parts if name}}


def _beside(kept: Kept, name: str) -> Any:
    content = kept.parts[name]
    return [] if content.kind == NOTHING else value_of(content)


def value_at(kept: Kept | None, place: Place) -> Any:
    """Return the value at a place; `MISSING` where there is none."""
    value = values_of(kept)
    for name in place:
        value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
    return value


def findings(
    start: States,
    expected: States,
    found: States,
    *,
    runs: int,
    volatile: frozenset[tuple[str, Place]] = frozenset(),
) -> list[Finding]:
    """Return what the runs have changed, or were to change, value by value.

    Args:
        start: What the documents held before.
        expected: What they hold after the runs one after the other.
        found: What they hold after the runs at the same time.
        runs: How many runs those were.
        volatile: What differs each time anyhow, such as times and random numbers.
    """
    made = _made(start, expected, found)
    results = _counted(made, expected, found)
    for key in sorted({*expected, *found} - made.keys()):
        values = (values_of(states.get(key)) for states in (start, expected, found))
        for place, before, wanted, is_there in _changed((), *values):
            known = (key, place) in volatile
            kind, lost = _judged(before, wanted, is_there, runs=runs, volatile=known)
            results.append(Finding(key, place, before, wanted, is_there, kind, lost))
    return results


def _made(start: States, expected: States, found: States) -> dict[str, str]:
    """Return the documents that were made under keys of their own each time, with their classes."""
    made: dict[str, str] = {}
    for key in {*expected, *found}:
        before, wanted, is_there = (values_of(states.get(key)) for states in (start, expected, found))
        if before is MISSING and (wanted is MISSING) != (is_there is MISSING):
            made[key] = (expected if is_there is MISSING else found)[key].model
    return made


def _counted(made: Mapping[str, str], expected: States, found: States) -> list[Finding]:
    """Return a finding for each class of which documents were made: only their number can be compared."""
    results = []
    for name in sorted(set(made.values())):
        keys = [key for key in made if made[key] == name]
        wanted, is_there = (
            sum(values_of(states.get(key)) is not MISSING for key in keys) for states in (expected, found)
        )
        kind: Kind = "same" if wanted == is_there else "lost" if wanted > is_there else "more"
        lost = max(0, wanted - is_there)
        results.append(Finding(name, ("new documents",), 0, wanted, is_there, kind, lost))
    return results


def volatile_places(one: States, other: States) -> frozenset[tuple[str, Place]]:
    """Return where two single runs from the same start have left something else."""
    return frozenset(
        (key, place)
        for key in {*one, *other}
        for place, _, first, second in _changed(
            (), MISSING, values_of(one.get(key)), values_of(other.get(key))
        )
        if _differ(first, second)
    )


def _changed(place: Place, start: Any, expected: Any, found: Any) -> Iterator[tuple[Place, Any, Any, Any]]:
    """Yield the smallest values that are not the same in all three, lists as a whole."""
    if isinstance(expected, dict) and isinstance(found, dict):
        before = start if isinstance(start, dict) else {}
        for name in {**expected, **found, **before}:
            values = (known.get(name, MISSING) for known in (before, expected, found))
            yield from _changed((*place, name), *values)
    elif _differ(start, expected) or _differ(start, found):
        yield place, start, expected, found


def _judged(start: Any, expected: Any, found: Any, *, runs: int, volatile: bool) -> tuple[Kind, int]:
    if not _differ(expected, found):
        return "same", 0
    if isinstance(expected, list) and isinstance(found, list):
        return _judged_lists(expected, found, volatile=volatile)
    if volatile:
        return "same", 0
    if _is_number(expected) and _is_number(found):
        base = start if _is_number(start) else 0
        return _judged_numbers(base, expected, found, runs)
    if found is MISSING or expected is MISSING:
        return ("lost", 1) if found is MISSING else ("more", 0)
    return "other", 0


def _judged_numbers(
    start: float, expected: float, found: float, runs: int
) -> tuple[Literal["lost", "more"], int]:
    """Count lost updates by what one run does on average."""
    if (found - expected) * (expected - start) > 0:
        return "more", 0
    effect = (expected - start) / max(runs, 1)
    return "lost", max(1, round(abs((expected - found) / effect))) if effect else 0


def _judged_lists(expected: list[Any], found: list[Any], *, volatile: bool) -> tuple[Kind, int]:
    """Compare lists without regard to order: any order of the runs is right."""
    wanted, there = Counter(map(_text, expected)), Counter(map(_text, found))
    if wanted == there or (volatile and len(expected) == len(found)):
        return "same", 0
    missing = len(expected) - len(found)
    if missing > 0:
        return "lost", missing
    return ("more", 0) if missing < 0 else ("other", 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _differ(one: Any, other: Any) -> bool:
    if one is MISSING or other is MISSING:
        return one is not other
    return _text(one) != _text(other)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
