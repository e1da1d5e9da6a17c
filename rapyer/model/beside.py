"""Saving companions: what changed locally as commands, and what is known to be on the server afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.commands import keys
from rapyer.model.companions import Companion, tree_of
from rapyer.model.known import Known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel


@dataclass(frozen=True, slots=True)
class Part:
    """An instance, or one field of it, and the companions that it is or has.

    Attributes:
        model: The instance, top-level or inner.
        start: How many names lead to it from the top-level one.
        path: The names that lead to the part.
        companions: The companions.
    """

    model: StoredModel
    start: int = 0
    path: tuple[str, ...] = ()
    companions: tuple[Companion, ...] = ()

    @property
    def outside(self) -> dict[str, Any] | None:
        """What is left out of its JSON text, as pydantic takes it; None where nothing is."""
        return tree_of(self.companions, self.path) if self.companions else None

    def values(self) -> Iterator[tuple[Companion, str, Any]]:
        """Go through the companions, with the key and the local value of each."""
        main = self.model._rapyer_key()
        for one in self.companions:
            yield one, one.key(main), one.value_in(self.model, self.start)


def part_of(model: StoredModel, name: str | None = None) -> Part:
    """Return an instance, or one field of it, as a part of its top-level model."""
    companions = model._rapyer_root().__rapyer_spec__.companions
    owner = model._rapyer_owner
    above = () if owner is None or not companions else owner._rapyer_names_of(model._rapyer_name)
    if not companions or above is None:
        return Part(model)
    path = above if name is None else (*above, name)
    return Part(model, len(above), path, tuple(one for one in companions if one.below(path)))


def changes(part: Part) -> list[Command[Any]]:
    """Return what brings local changes to the server, and leaves alone what was not seen there."""
    if not part.companions:
        return []
    commands: list[Command[Any]] = []
    main, known = part.model._rapyer_key(), known_of(part.model._rapyer_root())
    for one, key, value in part.values():
        there = None if one.path in known.inline else known.members.get(one.path)
        if value is not None:
            commands += one.kind._rapyer_changes(value, there, one.elements, key, main)
        elif there is not None:
            commands.append(keys.delete(key))
    return commands


def revived(part: Part) -> list[Command[Any]]:
    """Return what writes all of the companions, if the model turns out not to be stored any more.

    Changes are sent as such only where something is known of the server; else they are all there is.
    """
    main, known = part.model._rapyer_key(), known_of(part.model._rapyer_root()) if part.companions else None
    return [
        command
        for one, key, value in part.values()
        if known is not None and value is not None and known.members.get(one.path)
        for command in one.kind._rapyer_revival(value, one.elements, key, main)
    ]


def replaced(part: Part) -> list[Command[Any]]:
    """Return what makes the companions on the server what they are locally, whatever they were there."""
    commands: list[Command[Any]] = []
    if not part.companions:
        return commands
    main = part.model._rapyer_key()
    for one, key, value in part.values():
        if value is None:
            commands.append(keys.delete(key))
        else:
            commands += one.kind._rapyer_replacement(value, one.elements, key, main)
    return commands


def contents(part: Part) -> list[tuple[str, list[str] | None]]:
    """Return the key of each companion and the members that it begins with, for scripts that store models.

    None in place of members leaves alone what is under the key.
    """
    return [
        (key, [] if value is None else one.kind._rapyer_content(value, one.elements))
        for one, key, value in part.values()
    ]


def saved(part: Part) -> None:
    """Remember that the server holds what the instance holds locally."""
    if not part.companions:
        return
    known = known_of(part.model._rapyer_root())
    for one, _, value in part.values():
        known.note(one.path, None if value is None else one.kind._rapyer_members(value))


def known_of(root: StoredModel) -> Known:
    """Return what a top-level instance knows of the companions under its present key."""
    known: Known | None = getattr(root, "_rapyer_known", None)
    key = root._rapyer_key()
    if known is None or known.key != key:
        known = Known(key)
        root._rapyer_set_known(known)
    return known
