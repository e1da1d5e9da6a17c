"""How an index of a server differs from what its class declares, and the steps that put that right."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal, TypeAlias

from rapyer.commands import aliases
from rapyer.search import migrate
from rapyer.search.index import leads, target_on
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.search.migrate import Seen, Target
    from rapyer.session.clients import ClientSource

Action: TypeAlias = Literal["create", "fill", "switch", "drop"]
State: TypeAlias = Literal[
    "up to date", "missing", "changed", "building", "complete, but not in use", "not switched", "not declared"
]


@dataclass(frozen=True, slots=True)
class IndexStep:
    """One step of a plan.

    Attributes:
        action: "create" an index, "fill" it (wait until the server has), "switch" the name `idx:User` to it,
            or "drop" one.
        model: The class.
        index: The index that the step is about.
        about: What it does, as a clause.
        place: On a cluster, what the names of indexes end in on the primary that it is about.
    """

    action: Action
    model: str
    index: str
    about: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.action:<6}  {self.index}  {self.about}"


@dataclass(frozen=True, slots=True)
class ModelIndex:
    """The index of one class on one server, and what is to be done about it.

    Attributes:
        model: The class.
        index: The name of its index, whatever the schema, such as `idx:User`.
        state: How it compares with what the class declares.
        documents: How many documents the present index holds.
        failures: How many documents it could not take in, because values do not fit their fields' indexes.
        differences: The fields that differ, each with `+`, `-` or `~` before it.
        older: Whether the index is one as rapyer 1.3.6 makes it.
        foreign: The index of others that has the name; it is left alone. Empty for none.
        steps: What is to be done, in this order.
    """

    model: str
    index: str
    state: State
    documents: int = 0
    failures: int = 0
    differences: tuple[str, ...] = ()
    older: bool = False
    foreign: str = ""
    steps: tuple[IndexStep, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.model}: {self.index} is {self._about()}"]
        lines += [f"    {difference}" for difference in self.differences]
        lines += [f"    {number}. {step}" for number, step in enumerate(self.steps, 1)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return it as a notebook shows it; all text in it is escaped."""
        parts = [f"<b>{escape(self.model)}</b>: <code>{escape(self.index)}</code> is {escape(self._about())}"]
        if self.differences:
            parts.append(f"<pre>{escape(chr(10).join(self.differences))}</pre>")
        if self.steps:
            parts.append(f"<ol>{''.join(map(_item, self.steps))}</ol>")
        return f"<div>{''.join(parts)}</div>"

    def _about(self) -> str:
        notes: list[str] = [self.state, _count(self.documents)]
        if self.older:
            notes.append("made by rapyer 1.3.6")
        if self.failures:
            notes.append(f"and {_count(self.failures)} with values that do not fit it, which no search finds")
        if self.foreign:
            notes.append(f"and the name is left to the index {self.foreign}, which is not made for the class")
        return ", ".join(notes)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a server has of the indexes of a class.

    Attributes:
        own: The index that has the name for the schema declared.
        front: The one that the name for all schemas stands for.
        coming: The one of the schema declared that has not got its name yet.
        foreign: What the index is called that has the name for all schemas and is not made for the class.
        others: What the indexes are called that were built for other schemas.
    """

    own: Seen | None
    front: Seen | None
    coming: Seen | None
    foreign: str
    others: tuple[str, ...]

    @property
    def switched(self) -> bool:
        """Whether the name for all schemas stands for an index of the schema declared."""
        present = self.own or self.coming
        if self.foreign:
            return True
        if present is None or self.front is None:
            return False
        return present.state.name == self.front.state.name


async def compared(
    server: ClientSource, cls: type[StoredModel], beside: Sequence[type[StoredModel]] = ()
) -> ModelIndex | None:
    """Compare the index of a class on one server with what the class declares (FT.INFO, FT._LIST).

    Args:
        server: The server.
        cls: The class.
        beside: Other classes over the same keys, whose indexes stay.

    Returns:
        The comparison; None where there is neither an index nor an indexed field.
    """
    target = target_on(server, cls)
    found = await _found(server, target, [target_on(server, other) for other in beside], leads(cls))
    if not target.rows and found.front is None and not found.others:
        return None
    present = (found.own or found.front or found.coming) if target.rows else found.front
    return ModelIndex(
        cls.__name__,
        target.front,
        _state(target, found),
        present.state.documents if present is not None else 0,
        present.state.failures if present is not None else 0,
        tuple(_differences(found.front, target)) if found.front is not None and target.rows else (),
        found.front is not None and _is_older(found.front, target),
        found.foreign if target.rows else "",
        tuple(_steps(_Author(cls.__name__, server.router.local_name("")), target, found)),
    )


async def _found(server: ClientSource, target: Target, beside: Sequence[Target], leads: bool) -> _Found:
    own = coming = None
    named = await migrate.look(server, target.front)
    leads = leads and bool(target.rows)
    of_others = named is not None and not leads and any(other.fits(named) for other in beside)
    front = named if named is not None and target.owns(named) and not of_others else None
    foreign = named.state.name if named is not None and front is None else ""
    if target.rows:
        own = await migrate.look(server, target.name)
        fits = front is not None and target.fits(front)
        coming = front if fits else await migrate.look(server, target.body)
    known = {seen.state.name for seen in (own, front, coming) if seen is not None}
    known |= {other.body for other in beside}
    names = [name for name in await run(server, aliases.list_indexes()) if name not in known]
    others = tuple([name for name in names if await _is_of_another_schema(server, target, name)])
    return _Found(own, front, None if own is not None else coming, foreign, others)


async def _is_of_another_schema(server: ClientSource, target: Target, name: str) -> bool:
    if target.bodies.fullmatch(name) is None:
        return False
    seen = await migrate.look(server, name)
    return seen is not None and target.owns(seen)


def _state(target: Target, found: _Found) -> State:
    if not target.rows:
        return "not declared"
    if found.own is not None:
        return "up to date" if found.switched else "not switched"
    if found.coming is not None:
        return "complete, but not in use" if found.coming.state.complete else "building"
    return "missing" if found.front is None else "changed"


@dataclass(frozen=True, slots=True)
class _Author:
    """Writes the steps about one class on one server."""

    model: str
    place: str

    def step(self, action: Action, index: str, about: str) -> IndexStep:
        """Return a step."""
        return IndexStep(action, self.model, index, about, self.place)


def _steps(author: _Author, target: Target, found: _Found) -> Iterator[IndexStep]:
    front = found.front
    if not target.rows:
        if front is not None:
            yield author.step("drop", front.state.name, f"as {author.model} declares no indexed field")
    else:
        if found.own is None:
            if found.coming is None:
                yield _creating(author, target, front.state.name if front is not None else found.foreign)
            yield author.step("fill", target.name, "with all documents; then searches use it")
        if not found.switched and not (front is None and found.own is found.coming is None):
            yield _switching(author, target, front)
    for other in found.others:
        yield author.step("drop", other, f"as {author.model} declares other fields")


def _creating(author: _Author, target: Target, present: str) -> IndexStep:
    if not present:
        return author.step("create", target.front, "as there is none")
    return author.step("create", target.body, f"beside {present}")


def _switching(author: _Author, target: Target, front: Seen | None) -> IndexStep:
    about = f"to {target.name}"
    if front is not None:
        old = "the index that has the name now" if front.state.name == target.front else front.state.name
        about += f", which drops {old}, in one step"
    return author.step("switch", target.front, about)


def _differences(front: Seen, target: Target) -> Iterator[str]:
    there = {row["attribute"]: row for row in front.rows}
    wanted = {row["attribute"]: row for row in target.rows}
    for name, row in wanted.items():
        if name not in there:
            yield f"+ {name}: {_kind(row)}"
        elif there[name] != row:
            moved = there[name]["identifier"] != row["identifier"]
            yield f"~ {name}: {_kind(there[name], moved)}, now {_kind(row, moved)}"
    if not target.has_options_of(front):
        before, now = " ".join(front.state.options), " ".join(map(str, target.options))
        yield f"~ {before or 'usual options'}, now {now or 'usual options'}"
    yield from (f"- {name}: {_kind(row)}" for name, row in there.items() if name not in wanted)


def _item(step: IndexStep) -> str:
    return f"<li>{step.action} <code>{escape(step.index)}</code> {escape(step.about)}</li>"


def _count(documents: int) -> str:
    return "1 document" if documents == 1 else f"{documents} documents"


def _kind(row: dict[str, str], moved: bool = False) -> str:
    flags = [
        f"{name} {value}" if value else name
        for name, value in row.items()
        if name not in {"identifier", "attribute", "type"}
    ]
    place = [f"at {row['identifier']}"] if moved else []
    return " ".join([row["type"], *flags, *place])


def _is_older(front: Seen, target: Target) -> bool:
    """Tell an index of rapyer 1.3.6, which knows numbers and full text only, and text as that alone."""
    declared_text = {row["attribute"] for row in target.rows if row["type"] == "TEXT"}
    types = [(row["type"], row["attribute"], len(row)) for row in front.rows]
    plain = all(type_ in {"TEXT", "NUMERIC"} and length == 3 for type_, _, length in types)
    return plain and any(type_ == "TEXT" and name not in declared_text for type_, name, _ in types)
