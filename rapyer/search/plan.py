"""What there is to do so that the server's indexes are those that the classes declare, and doing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import TYPE_CHECKING, TypeAlias

from rapyer.errors import NotIndexedError
from rapyer.search import migrate
from rapyer.search.drift import Action, IndexStep, ModelIndex, compared
from rapyer.search.index import check_database, target_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

    Report: TypeAlias = "Callable[[IndexStep, float], None]"
    Listener: TypeAlias = "Callable[[float], None]"

_BUILDING: tuple[Action, ...] = ("create", "fill")
_ALL: tuple[Action, ...] = (*_BUILDING, "switch", "drop")

_TRIES = 5
"""How often an index is built where others drop it before a name is switched to it."""


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What there is to do so that the server's indexes are those that the classes declare.

    It is true where there is something to do, and prints as text. Searches are answered completely, by the
    old schema and by the new one, before, while and after it is applied.

    Attributes:
        indexes: The index of each class, on a cluster of each class and primary.
    """

    indexes: tuple[ModelIndex, ...]
    _targets: tuple[tuple[type[StoredModel], ClientSource], ...] = field(default=(), repr=False)

    @property
    def steps(self) -> tuple[IndexStep, ...]:
        """All steps, in their order."""
        return tuple(step for each in self.indexes for step in each.steps)

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __str__(self) -> str:
        return "\n".join((self._head(), *map(str, self.indexes)))

    def _repr_html_(self) -> str:
        """Return it as a notebook shows it; all text in it is escaped."""
        parts = "".join(each._repr_html_() for each in self.indexes)
        return f"<div class='rapyer-index-plan'><p>{escape(self._head())}</p>{parts}</div>"

    def _head(self) -> str:
        work = sum(1 for each in self.indexes if each.steps)
        return f"{work} of {len(self.indexes)} indexes to be changed" if work else "nothing to be changed"

    async def apply(self, *, keep_old: bool = False, report: Report | None = None) -> tuple[IndexStep, ...]:
        """Do the steps (FT.CREATE, FT.INFO, FT.ALIASADD, FT.DROPINDEX), which touch no documents.

        It may be done again, and by several processes at once, also after one that was ended in the middle.
        An index that is in use again is not dropped.

        Args:
            keep_old: Only build the new indexes. The old ones stay, and keep the names such as `idx:User`.
            report: Called with each step and the part of it that is done, from 0 to 1.

        Returns:
            The steps that were done.

        Raises:
            NotIndexedError: Others drop an index all the time.
        """
        return await self._do(_BUILDING if keep_old else _ALL, report)

    async def drop_unused(self, *, report: Report | None = None) -> tuple[IndexStep, ...]:
        """Only drop the indexes that no class declares and no name such as `idx:User` stands for.

        A program with an older version of a class may still use such an index; it makes it again then.

        Args:
            report: Called with each step and the part of it that is done, from 0 to 1.

        Returns:
            The steps that were done.
        """
        return await self._do(("drop",), report)

    async def _do(self, actions: tuple[Action, ...], report: Report | None) -> tuple[IndexStep, ...]:
        chosen = [step for step in self.steps if step.action in actions]
        done: dict[IndexStep, None] = {}  # where the slots of a cluster move, all is done again
        for cls, source in self._targets:
            own = [step for step in chosen if step.model == cls.__name__]
            if own:
                each = partial(_done_on, cls=cls, steps=own, report=report)
                for steps in await source.router.on_each(each, searching=True):
                    done |= dict.fromkeys(steps)
        return tuple(done)


async def plan_for(targets: Iterable[tuple[type[StoredModel], ClientSource]]) -> IndexPlan:
    """Compare the server's indexes with what classes declare (FT.INFO, FT._LIST); nothing is changed.

    Args:
        targets: The classes, each with where its commands go.

    Raises:
        NotIndexedError: A source uses another database than 0.
    """
    chosen = tuple(targets)
    indexes: list[ModelIndex] = []
    for cls, source in chosen:
        check_database(cls, source)
        beside = [other for other, _ in chosen if other is not cls and _same_keys(other, cls)]
        found = await source.router.on_each(partial(compared, cls=cls, beside=beside), searching=True)
        indexes += (each for each in found if each is not None)
    return IndexPlan(tuple(indexes), chosen)


def _same_keys(one: type[StoredModel], other: type[StoredModel]) -> bool:
    return one.class_key_initials() == other.class_key_initials()


async def _done_on(
    server: ClientSource, cls: type[StoredModel], steps: Iterable[IndexStep], report: Report | None
) -> list[IndexStep]:
    place = server.router.local_name("")
    done: list[IndexStep] = []
    for step in steps:
        if step.place == place:
            tell = partial(report, step) if report is not None else _silent
            tell(0.0)
            if await _did(server, cls, step, tell):
                done.append(step)
            tell(1.0)
    return done


def _silent(part: float) -> None:
    """Tell nobody."""


async def _did(server: ClientSource, cls: type[StoredModel], step: IndexStep, tell: Listener) -> bool:
    target = target_on(server, cls)
    if step.action == "drop":
        return await migrate.drop(server, step.index, (target.front, target.name) if target.rows else ())
    if step.action == "create":
        await migrate.establish(server, target)
        return True
    for _ in range(_TRIES):
        if not await migrate.built(server, target, lambda state: tell(state.progress)):
            break
        if step.action == "fill" or await migrate.switch(server, target):
            return True
    raise NotIndexedError(
        f"the index {target.name} is dropped again and again",
        model=cls.__name__,
        hint="end the program that drops it",
    )
