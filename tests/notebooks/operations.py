"""What a reader of the documentation can call: from the pages that are written from the code.

`docs/api.md` and the magics are compared with the code by tests of their own, so they name all there is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import rapyer_nb
from rapyer.search.expression import FieldOperand
from rapyer_nb.magics import MAGICS
from tests.data.documented_names import DOCUMENTED
from tests.notebooks.lessons import ROOT

_HEADING = re.compile(r"^(###|####) ([\w.]+)$", re.MULTILINE)
_TYPES = "rapyer.types."
_MARKERS = (
    "Key",
    "Index",
    "SafeLoad",
    "FifoTies",
    "CascadeTTL",
    "CascadeDelete",
    "RedisConfig",
    "ActionGroup",
)
FILTERS = "field"
"""The owner of what a filter asks of a field."""
_SHARED = ("RedisType", "SpecialFieldType")


class Operation(NamedTuple):
    """Something that can be called.

    Attributes:
        topic: Under which it is listed.
        owner: The class that it is a member of, or the package; empty for magics.
        name: Its name.
    """

    topic: str
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}" if self.owner else f"%{self.name}"


def operations() -> list[Operation]:
    """Return all of them, each once, by topic."""
    found = [*_of_the_page(), *_of_the_documents(), *_operators_of_filters(), *_of_the_toolkit()]
    return sorted(set(found), key=lambda one: (TOPICS.index(one.topic), one))


TOPICS = (
    "models",
    "functions",
    "field types",
    "markers and options",
    "filters",
    "aggregates and tables",
    "results",
    "magics",
    "toolkit",
)


def _of_the_page() -> list[Operation]:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found, owner = [Operation("markers and options", "rapyer", name) for name in _MARKERS], ""
    for level, name in _HEADING.findall(text):
        if level == "###":
            owner = name
            found += _functions(name)
        else:
            found.append(_member(owner, name))
    shared = {name for _, owner, name in found if owner == "RedisType"}
    special = {name for _, owner, name in found if owner == "SpecialFieldType"}
    return [one for one in found if not _is_repeated(one, shared, special)]


def _functions(dotted: str) -> list[Operation]:
    home, _, name = dotted.rpartition(".")
    if name[0].isupper():
        return []
    return [Operation("functions" if home == "rapyer" else "aggregates and tables", "rapyer", name)]


def _member(owner: str, name: str) -> Operation:
    short = owner.rpartition(".")[2]
    if owner == "rapyer.AtomicRedisModel":
        return Operation("models", short, name)
    if owner.startswith(_TYPES):
        return Operation("field types", short, name)
    topic = "aggregates and tables" if short in {"Aggregate", "FrameResult"} else "results"
    return Operation(topic, short, name)


def _is_repeated(one: Operation, shared: set[str], special: set[str]) -> bool:
    """Tell whether a type has the operation as all types have it, where it need not be called again."""
    if one.topic != "field types" or one.owner == "RedisType":
        return False
    return one.name in shared or (one.name in special and one.owner != "SpecialFieldType")


def _of_the_documents() -> list[Operation]:
    """Return the names in the documents that the API comes from, the operators among them."""
    known = {(one.owner, one.name) for one in _of_the_page()}
    common = {name for owner, name in known if owner in _SHARED}
    found = []
    for owner, names in DOCUMENTED.items():
        topic = {"AtomicRedisModel": "models", "rapyer": "functions"}.get(owner, "field types")
        new = (name for name in names.split() if (owner, name) not in known)
        found += [
            Operation(topic, owner, name) for name in new if topic != "field types" or name not in common
        ]
    return found


def _operators_of_filters() -> list[Operation]:
    names = [name for name in vars(FieldOperand) if not name.startswith("_")]
    return [Operation("filters", FILTERS, name) for name in names]


def _of_the_toolkit() -> list[Operation]:
    magics = [Operation("magics", "", magic.name) for magic in MAGICS]
    return magics + [Operation("toolkit", "rapyer_nb", name) for name in rapyer_nb.__all__]
