"""Figures of groups that the server computes, so that only they are sent, however many documents match.

The server's figures have 12 digits, which is what a chart needs; `aggregate` is exact. Null counts as 0
there, so documents are asked for apart by whether they have a value, which the index tells. Documents that
have expired, but are still in the index, have no key there and are left out. By dialect 3 a value that
makes groups comes as its JSON, with all of its digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from redis.exceptions import ResponseError

from rapyer.codec.replies import raw_json
from rapyer.commands import search
from rapyer.errors import BadFilterError, CorruptedModelError
from rapyer.model import load
from rapyer.model.registry import registry
from rapyer.search.asking import asked
from rapyer.search.compile import compiled
from rapyer.search.limits import lift
from rapyer.search.nodes import Empty, Not
from rapyer.search.places import kind_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Arg, Command
    from rapyer.model.state import StoredModel
    from rapyer.search.columns import Column
    from rapyer.search.kinds import IndexKind
    from rapyer.search.nodes import Expression

_COUNT = "n"
_GROUPED = frozenset({"number", "tag"})
"""The families of indexes whose values make groups."""


@dataclass(frozen=True, slots=True)
class ServerField:
    """A field whose values the server can compute with, as the index vouches for what they are.

    Attributes:
        column: The field.
        kind: Its kind of index.
    """

    column: Column
    kind: IndexKind

    @property
    def tells_absence(self) -> bool:
        """Whether a query can ask for documents without a value."""
        return self.kind.family == "number" or self.kind.is_flag or self.kind.nullable

    def having(self, there: bool) -> Expression:
        """Return the filter for documents with a value, or for those without."""
        absent = Empty(self.column.place.name, self.kind)
        return Not(absent) if there else absent

    def value(self, text: bytes | None) -> Any:
        """Return the value for its JSON in an array; None where there is none.

        Raises:
            CorruptedModelError: It does not fit the field.
        """
        (found,) = self.column.read([""], [text or b"[]"])
        if isinstance(found, CorruptedModelError):
            raise found
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What makes groups: the values of a field, or whole numbers that are computed of them.

    Attributes:
        field: The field.
        steps: Expressions of the server, each of `{x}`, what the one before gives; none for the value.
    """

    field: ServerField
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """What is computed of a field's values in each group.

    Attributes:
        reducer: The words of the server's reducer, in which `{x}` stands for what it computes with.
        step: What that is, an expression of the server of the value `{x}`.
    """

    reducer: tuple[str, ...]
    step: str = "{x}"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group.

    Attributes:
        keys: What makes it; None in the place of what its documents have no value of.
        count: How many documents.
        figures: What was computed; None where the documents have no value to compute with.
    """

    keys: tuple[Any, ...]
    count: int
    figures: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class GroupQuestion:
    """A question about groups.

    Attributes:
        keys: What makes the groups; none for one of all documents.
        measured: The field that is computed with, or None.
        figures: What is computed.
        gaps: Whether documents without a value make groups, too.
    """

    keys: tuple[GroupKey, ...] = ()
    measured: ServerField | None = None
    figures: tuple[Figure, ...] = ()
    gaps: bool = True

    @property
    def fields(self) -> dict[str, ServerField]:
        """All its fields, by their paths."""
        found = [key.field for key in self.keys] + ([self.measured] if self.measured else [])
        return {field.column.path: field for field in found}

    def sides(self) -> list[dict[str, bool]]:
        """Return all ways in which documents may have values of the fields, and may have none."""
        choices = (True, False) if self.gaps else (True,)
        return [
            dict(zip(self.fields, chosen, strict=True))
            for chosen in product(choices, repeat=len(self.fields))
        ]

    def command(self, index: str, among: Expression | None, side: dict[str, bool]) -> Command[Any]:
        """Return what asks for the groups of one side."""
        names = {path: f"v{at}" for at, path in enumerate(self.fields)}
        tests, loaded = [f"exists(@{search.KEY})"], {}
        for path, field in self.fields.items():
            if field.tells_absence:
                part = field.having(side[path])
                among = part if among is None else among & part
            if side[path] or not field.tells_absence:
                loaded[names[path]] = str(field.column.place.path)
                tests.append(f"{'' if side[path] else '!'}exists(@{names[path]})")
        query, made = compiled(among), _Made({}, [], [])
        for at, key in enumerate(self.keys):
            if side[key.field.column.path]:
                made.take_key(names[key.field.column.path], key, f"k{at}")
        if self.measured is not None and side[self.measured.column.path]:
            for at, figure in enumerate(self.figures):
                made.take_figure(names[self.measured.column.path], figure, f"f{at}")
        return search.groups(
            index,
            query.text,
            query.parameters,
            load=loaded,
            where=" && ".join(tests),
            apply=made.apply,
            by=made.by,
            reduce=(("COUNT", 0, "AS", _COUNT), *made.reduce),
        )

    def row(self, given: dict[str, Any], side: dict[str, bool]) -> GroupRow:
        """Return a row of a reply.

        Raises:
            CorruptedModelError: A value does not fit its field.
            ValueError: A figure is no finite number.
        """
        names = {path: f"v{at}" for at, path in enumerate(self.fields)}
        keys: list[Any] = []
        for at, key in enumerate(self.keys):
            path = key.field.column.path
            if not side[path]:
                keys.append(None)
            elif key.steps:
                keys.append(int(_number(given[f"k{at}_{len(key.steps) - 1}"])))
            else:
                keys.append(key.field.value(raw_json(given[names[path]])))
        there = self.measured is not None and side[self.measured.column.path]
        figures = tuple(_number(given[f"f{at}"]) for at in range(len(self.figures))) if there else None
        return GroupRow(tuple(keys), int(given[_COUNT]), figures)


@dataclass(frozen=True, slots=True)
class _Made:
    apply: dict[str, str]
    by: list[str]
    reduce: list[tuple[Arg, ...]]

    def take_key(self, name: str, key: GroupKey, called: str) -> None:
        for at, step in enumerate(key.steps):
            self.apply[f"{called}_{at}"] = step.format(x=f"@{name}")
            name = f"{called}_{at}"
        self.by.append(name)

    def take_figure(self, name: str, figure: Figure, called: str) -> None:
        if figure.step != "{x}":
            self.apply[f"{called}_of"] = figure.step.format(x=f"@{name}")
            name = f"{called}_of"
        function, *words = (word.format(x=f"@{name}") for word in figure.reducer)
        self.reduce.append((function, len(words), *words, "AS", called))


def on_server(cls: type[StoredModel], column: Column) -> ServerField | None:
    """Return a field for the server to compute with; None where it cannot.

    That is a field that is indexed as a number, a whole text, a bool or a choice, and has one value at
    most, which no validator changes; of a class whose keys are not among those of others, on a server
    that is no cluster, whose search module does not read documents.
    """
    source = registry.source_for(cls)
    if source.database or not source.router.reads_matches or load.longer_prefixes(cls):
        return None
    if column.field.index is None or column.field.special is not None or not column.unchanged:
        return None
    kind, place = kind_at(column.field, column.place)
    return ServerField(column, kind) if kind.family in _GROUPED and not place.many else None


async def groups_on_server(
    cls: type[StoredModel], expression: Expression | None, question: GroupQuestion
) -> list[GroupRow] | None:
    """Return the groups of all documents that a filter describes (FT.AGGREGATE, FT.INFO), at one moment.

    It asks at once, in a pipeline too, and starts no time to live anew.

    Args:
        cls: The class.
        expression: The filter; None for all instances.
        question: What makes the groups, and what is computed of them.

    Returns:
        The groups, in no order; None where the server cannot tell: the filter is one that is checked on
        loaded instances, the index does not hold all, values do not fit their fields, or numbers are beyond
        what the server can compute with.

    Raises:
        NotIndexedError: The class's index does not exist on the server.
        PartialSearchError: The server does not look at all that the filter may mean.
    """
    query, source = compiled(expression), registry.source_for(cls)
    if query.check or query.nearest is not None:
        return None
    if query.expands:
        await source.router.on_each(lift, searching=True)
    sides = question.sides()

    def commands(index: str) -> list[Command[Any]]:
        return [question.command(index, expression, side) for side in sides]

    try:
        answers = await asked(cls, source, commands, everything=expression is None)
        return None if answers is None else _rows(question, sides, answers[0])
    except (BadFilterError, CorruptedModelError, ResponseError, ValueError):
        # The filter is at the limit of what the parser takes; or who reads the values tells what is wrong.
        return None


def _rows(
    question: GroupQuestion, sides: Sequence[dict[str, bool]], replies: Sequence[Any]
) -> list[GroupRow] | None:
    found: list[GroupRow] = []
    for side, reply in zip(sides, replies, strict=True):
        if isinstance(reply, Exception):
            return None
        rows, total = reply
        if len(rows) < total:  # as MAXAGGREGATERESULTS wants it
            return None
        found += (question.row(row, side) for row in rows)
    return found


def _number(text: Any) -> Any:
    """Return a number of a reply: one that was computed, or the JSON of a value.

    Raises:
        ValueError: It is no finite number.
    """
    if text is None:
        raise ValueError("null")
    found = from_json(text)[0] if text[:1] in (b"[", "[") else float(text)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(repr(found))
    return found
