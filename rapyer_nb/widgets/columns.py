"""The columns of a table: which fields, how they look, whether they sort, how they are edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rapyer.commands.queues_fifo import queue_at
from rapyer.errors import RapyerError
from rapyer.model.schema import spec_of
from rapyer.search.listing import ordering_of
from rapyer.search.projection import column_of, name_of, several
from rapyer.types.base import native_of
from rapyer_nb.views.brief import brief_cell, printable
from rapyer_nb.views.note import counted
from rapyer_nb.widgets.bounds import Bounds
from rapyer_nb.widgets.cell_kinds import CellKind, kind_of
from rapyer_nb.widgets.form import FieldPlan, plan_fields
from rapyer_nb.widgets.places import DocumentPlace, QueuePlace
from rapyer_nb.widgets.stores import local_value
from rapyer_nb.widgets.texts import LONG_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer import AtomicRedisModel
    from rapyer.commands.command import Command

KEY: Final = ""
"""The name of the column with the keys."""

MOST_COLUMNS: Final = 12
_SHOWN: Final = 80
_TOLD: Final = 400


@dataclass(frozen=True)
class Column:
    """A field as a column.

    Attributes:
        names: The names that lead to it; none for the key.
        label: What stands at its top.
        title: What explains it.
        why: Why rows cannot be sorted by it; empty where they can.
        kind: How its cells are edited; None where they cannot.
        queue: Whether it is a queue, whose length the server knows.
        long: Whether its texts may be long.
    """

    names: tuple[str, ...]
    label: str
    title: str = ""
    why: str = ""
    kind: CellKind | None = None
    queue: bool = False
    long: bool = False

    @property
    def name(self) -> str:
        """The dotted name, unique in the table."""
        return ".".join(self.names)

    def value(self, model: AtomicRedisModel) -> Any:
        """Return the plain value that a model has there."""
        return native_of(local_value(model, self.names))

    def heading(self, sort: str) -> dict[str, Any]:
        """Return the column as the page knows it.

        Args:
            sort: How rows are sorted by it: ascending, descending or none.
        """
        shown: dict[str, Any] = {"name": self.name, "label": printable(self.label), "sort": sort}
        if self.title:
            shown["title"] = self.title
        if self.why:
            shown["why"] = self.why
        if self.kind is not None:
            options = [[str(at), label] for at, (label, _) in enumerate(self.kind.options)]
            shown |= {"input": self.kind.input, "nullable": self.kind.nullable, "options": options}
            shown["long"] = self.long
        return shown

    def cell(self, model: AtomicRedisModel, size: int | None, *, editable: bool) -> dict[str, Any]:
        """Return a cell as the page knows it.

        Args:
            model: What stands in the row.
            size: How long its queue is, for the column of one.
            editable: Whether cells may be edited.
        """
        if not self.names:
            return {"text": printable(str(model.key))}
        if self.queue:
            return {"text": "" if size is None else f"{size:,} queued"}
        value = self.value(model)
        shown = _shown(value)
        text = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
        cell: dict[str, Any] = {"text": text}
        if text != shown:
            cell["title"] = shown
        if value is None:
            cell["none"] = True
        elif isinstance(value, int | float) and not isinstance(value, bool):
            cell["number"] = True
        if not editable or self.kind is None:
            return cell
        if reason := self.kind.why_not(value):
            return {**cell, "title": f"{reason}; open it to edit it"}
        cell["edit"] = True
        if value is not None and (written := self.kind.text(value)) != text:
            cell["value"] = written
        return cell


def _shown(value: Any) -> str:
    """Return a value for a cell: sets and queues are counted, enums called by their names."""
    if isinstance(value, set | frozenset):
        return counted(len(value), "member")
    return brief_cell(value, _TOLD)


def columns_of(model: type[AtomicRedisModel], given: Any = None) -> tuple[Column, ...]:
    """Return the columns of a table of a class: the key, and the fields that are given, or the first others.

    Args:
        model: The class.
        given: Names such as "address.city", or fields such as `User.age`; one or several; None for all.

    Raises:
        UnknownFieldError: The class has no such field.
    """
    plans = {plan.name: plan for plan in plan_fields(model.model_construct(), "")}
    fields = [name for name, spec in spec_of(model).fields.items() if spec.stored]
    shown = [name for name in fields if not spec_of(model).fields[name].is_key]
    names = shown[:MOST_COLUMNS] if given is None else [name_of(model, one) for one in several(given)]
    for name in names:
        if name not in plans and name not in fields:
            column_of(model, name)  # says so if there is no such field
    key = Column((), "key", why="without a sort, rows stand in the order of their keys")
    return (key, *(_column(model, name, plans.get(name)) for name in names))


def _column(model: type[AtomicRedisModel], name: str, plan: FieldPlan | None) -> Column:
    names, why = tuple(name.split(".")), why_unsorted(model, name)
    if plan is None:  # a model inside the model
        return Column(names, name, why=why)
    nested = len(names) > 1
    label = name if nested else plan.label
    in_document = isinstance(plan.place, DocumentPlace)
    kind = kind_of(plan.annotation, plan.spec) if in_document and plan.editable else None
    long = (Bounds().with_metadata(plan.spec.info.metadata).max_length or 0) > LONG_TEXT
    return Column(names, label, plan.tooltip, why, kind, isinstance(plan.place, QueuePlace), long)


def why_unsorted(model: type[AtomicRedisModel], name: str) -> str:
    """Return why the server cannot sort by a field; empty where it can."""
    try:
        ordering_of(model, name)
    except RapyerError as error:
        return " ".join(str(error).split())
    return ""


def plan_of(model: AtomicRedisModel, names: Sequence[str]) -> FieldPlan | None:
    """Return the plan of one field of a model; None where it is none that a form has."""
    plans = plan_fields(model, str(model.key))
    return next((plan for plan in plans if plan.names == tuple(names)), None)


def sizes_of(
    model: type[AtomicRedisModel], columns: Sequence[Column], key: str
) -> list[tuple[str, Command[int]]]:
    """Return what tells how long the queues of a document are, by their columns (ZCARD)."""
    companions = {one.path: one for one in spec_of(model).companions}
    found = []
    for column in columns:
        if column.queue:
            one = companions[column.names]
            found.append((column.name, queue_at(one.key(key), key, fifo=one.shape.fifo).size()))
    return found
