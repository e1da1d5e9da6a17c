"""Which documented operations no notebook calls: `python -m tests.notebooks.coverage [NOTEBOOK…]`.

With notebooks it tells what each topic has left when only these are counted.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tests.notebooks.calls import Calls, calls_of
from tests.notebooks.lessons import PATHS, Lesson
from tests.notebooks.operations import FILTERS, Operation, operations

if TYPE_CHECKING:
    from collections.abc import Iterable

EXEMPT = {
    "AtomicRedisModel.init_class": "it does nothing, and is there for older code",
    "rapyer_nb.load_ipython_extension": "%load_ext calls it",
    "rapyer_nb.unload_ipython_extension": "%unload_ext calls it",
}
"""What no notebook has to call, and why."""

_OF_A_PACKAGE = {"rapyer", "rapyer_nb"}
_ANY_FIELD = {"RedisType", "SpecialFieldType", "RelationalFieldType", FILTERS}


def missing(calls: Calls) -> list[Operation]:
    """Return the operations that nothing calls, without those that need not be."""
    return [one for one in operations() if str(one) not in EXEMPT and not is_called(one, calls)]


def is_called(one: Operation, calls: Calls) -> bool:
    """Tell whether some code calls an operation."""
    if not one.owner:
        return one.name in calls.magics
    if one.owner in _OF_A_PACKAGE:
        return f"{one.owner}.{one.name}" in calls.names
    kinds = calls.attributes.get(one.name, set())
    if one.owner == FILTERS and any(f".{one.name}(" in line for line in calls.lines):
        return True
    if one.owner in _ANY_FIELD:
        return bool(kinds - {"other", "AtomicRedisModel"})
    if one.name.startswith("__"):  # `-=` of what is not known may be of any number
        return one.owner in kinds
    return bool(kinds & {None, one.owner})


def called_by(paths: Iterable[Path]) -> Calls:
    """Return what notebooks call, their exercises solved."""
    found = Calls()
    for path in paths:
        found.add(calls_of(Lesson.read(path).solved()))
    return found


def listed(found: list[Operation]) -> str:
    """Return operations as text, a line for each topic and owner."""
    groups = groupby(found, key=lambda one: (one.topic, one.owner))
    return "\n".join(
        f"{topic}: {owner or 'magics'}: {' '.join(one.name for one in group)}"
        for (topic, owner), group in groups
    )


def main(words: list[str]) -> int:
    """Print what is missing."""
    found = missing(called_by([Path(word) for word in words] or PATHS))
    print(listed(found) or "every documented operation is called")
    print(f"{len(found)} of {len(operations())} missing")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
