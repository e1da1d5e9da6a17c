"""`%rapyer_delete`: stored objects, by their keys or by a filter."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rapyer.actions import acting
from rapyer.finding import to_delete
from rapyer.model.cascade_delete import delete_cascading, deletes_more, would_delete_cascading
from rapyer.model.delete import delete_models
from rapyer.search.expression import Expression
from rapyer.search.updates import delete_matching, would_delete
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.asking import agreed
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.searching import filter_text
from rapyer_nb.magics.targets import class_named, targets
from rapyer_nb.parsing import parse_filter
from rapyer_nb.progress import progress
from rapyer_nb.views import Note
from rapyer_nb.views.note import counted
from rapyer_nb.views.objects import Deleted, listed, referred_to

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from rapyer import AtomicRedisModel
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.magics.targets import Target
    from rapyer_nb.progress import ProgressBar

_SHOWN: Final = 5


class DeleteMagic(AsyncMagic):
    """Delete stored models, with their sets and queues: by keys or variables, or all that a filter describes.

    It asks first; `--yes` does it without asking, `--dry-run` only says what would go; both count what goes
    along with `--cascade`. What a filter describes is deleted only if it still matches when it is its turn.
    Python: `await rapyer_nb.delete("User:42")`, `await rapyer_nb.delete(User, where="age < 18")`, which do
    not ask.

    Examples::

        %rapyer_delete User:42
        %rapyer_delete User 42 43 --yes
        %rapyer_delete users old_team
        %rapyer_delete User --where age < 18 and status == "new" --dry-run
        %rapyer_delete Team:1 --cascade
    """

    name = "rapyer_delete"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        add = arguments.add_argument
        add(
            "words",
            metavar="KEYS|MODEL",
            nargs="+",
            help="full keys, variables, or a class and primary keys; with --where a class",
        )
        add("--where", metavar="FILTER", nargs="+", help="all models of the class that the filter describes")
        add("--dry-run", action="store_true", help="delete nothing, and say what would be")
        add("--yes", action="store_true", help="do not ask")
        add("--cascade", action="store_true", help="also what they refer to by fields marked CascadeDelete")

    async def run(self, call: Call) -> Deleted | Note:
        """Look, ask, and delete."""
        __tracebackhide__ = True
        words, options = call.options.words, call.options
        where = options.where
        if where is None and words[1:2] == ["where"]:
            words, where = words[:1], words[1:]
        if where is None:
            return await self._by_keys(call, targets(words, call.variables))
        model = class_named(words[0], call.variables) if len(words) == 1 else None
        if model is None:
            raise NotebookError(
                f"%{self.name}: a filter needs one model class before it", hint="User --where age < 18"
            )
        condition = parse_filter(model, filter_text(where), call.variables)
        if condition is None:
            raise NotebookError(f"%{self.name}: the filter is missing", hint="User --where age < 18")
        return await self._by_filter(call, model, condition)

    async def _by_keys(self, call: Call, found: Sequence[Target]) -> Deleted | Note:
        __tracebackhide__ = True
        keys = list(dict.fromkeys(target.key for target in found))
        if not keys:
            return Note("no models, nothing was deleted")
        options, along = call.options, 0
        if options.dry_run or (options.cascade and not options.yes):
            look = await delete(found, dry_run=True, cascade=options.cascade)
            if options.dry_run:
                return look
            along = look.along
        question = f"delete {counted(len(keys) + along, 'model')}: {listed(keys)}{referred_to(along)}"
        return await self._asked(call, question, lambda: delete(found, cascade=options.cascade))

    async def _by_filter(self, call: Call, model: type[AtomicRedisModel], where: Any) -> Deleted | Note:
        __tracebackhide__ = True
        options = call.options
        if options.yes and not options.dry_run:
            return await delete_where(model, where, cascade=options.cascade)
        look = await delete_where(model, where, dry_run=True, cascade=options.cascade)
        if options.dry_run or not look.models:
            return replace(look, dry_run=options.dry_run)
        question = f"delete {look.named()}"
        return await self._asked(call, question, lambda: delete_where(model, where, cascade=options.cascade))

    async def _asked(self, call: Call, question: str, do: Callable[[], Awaitable[Deleted]]) -> Deleted | Note:
        __tracebackhide__ = True
        if not call.options.yes and not agreed(f"{question}?", f"%{self.name}"):
            return Note("nothing was deleted")
        return await do()


async def delete(found: Sequence[Target], *, dry_run: bool = False, cascade: bool = False) -> Deleted:
    """Delete stored objects, with what lives beside them (script delete: DEL), or count them (TYPE).

    Args:
        found: The objects.
        dry_run: Delete nothing.
        cascade: Delete, or count, what they refer to by fields marked `CascadeDelete` as well; for that
            their references are read (JSON.GET, SMEMBERS, ZRANGE).

    Raises:
        WrongTypeError: A key holds another Redis type; nothing of its transaction is deleted.
        PartlyAppliedError: On a cluster, where each slot is a step of its own, only some of them did it.
    """
    __tracebackhide__ = True
    start = time.perf_counter()
    models = {target.key: target.model for target in found}
    by_class: dict[type[AtomicRedisModel], list[str]] = {}
    for key, model in models.items():
        by_class.setdefault(model, []).append(key)
    async with progress(len(models), _work(dry_run=dry_run)) as bar:
        results = await _each(by_class, bar, dry_run=dry_run, cascade=cascade)
    return _told(results, tuple(models), start, dry_run=dry_run, asked=len(models))


async def delete_where(
    model: type[AtomicRedisModel], where: Any, *, dry_run: bool = False, cascade: bool = False
) -> Deleted:
    """Delete all that a filter describes (FT.SEARCH; script change_matching: DEL), or count it.

    Args:
        model: The class.
        where: The filter.
        dry_run: Delete nothing.
        cascade: Delete, or count, what they refer to by fields marked `CascadeDelete` as well; for that
            their references are read (JSON.GET, SMEMBERS, ZRANGE), and all are deleted in one step.

    Raises:
        NotIndexedError: A field has no index.
        PartlyAppliedError: On a cluster, where each slot is a step of its own, only some of them did it.
    """
    __tracebackhide__ = True
    start = time.perf_counter()
    keys: list[str] = []
    asked = None
    async with progress(None, f"{_work(dry_run=dry_run)} {model.__name__}") as bar:
        matching = to_delete(model, (where,))
        if cascade and deletes_more(model) and isinstance(matching, Expression):
            keys = [str(key) for key in await model.afind_keys(where)]
            asked = len(keys)
            results: list[Any] = await _each({model: keys}, bar, dry_run=dry_run, cascade=True)
        elif isinstance(matching, Expression):
            with acting():
                results = [await delete_matching(model, matching, dry_run=dry_run, told=bar.reach)]
        else:
            keys, asked = [*matching], len(matching)
            results = await _each({model: matching}, bar, dry_run=dry_run, cascade=cascade)
        if dry_run and asked is None and results[0].models_deleted:
            keys = [str(key) for key in await model.afind_keys(where, max_results=_SHOWN)]
    return _told(results, tuple(keys[:_SHOWN]) if dry_run else (), start, dry_run=dry_run, asked=asked)


async def _each(
    wanted: Mapping[type[AtomicRedisModel], Sequence[str]], bar: ProgressBar, *, dry_run: bool, cascade: bool
) -> list[Any]:
    """Delete or count by full keys, class by class; with what marked fields lead to, all at once."""
    with acting():
        if cascade and any(map(deletes_more, wanted)):
            follow = would_delete_cascading if dry_run else delete_cascading
            return [await follow(wanted, told=bar.reach)]
        results: list[Any] = []
        for model, keys in wanted.items():
            one_class = would_delete if dry_run else delete_models
            results.append(await one_class(model, keys, told=partial(_further, bar, bar.done)))
        return results


def _further(bar: ProgressBar, before: int, done: int, of: int) -> None:
    bar.reach(before + done)


def _work(*, dry_run: bool) -> str:
    return "counting" if dry_run else "deleting"


def _told(
    results: Sequence[Any], keys: tuple[str, ...], start: float, *, dry_run: bool, asked: int | None
) -> Deleted:
    models = sum(result.models_deleted for result in results)
    missing = sum(result.models_missing for result in results)
    return Deleted(
        models=models,
        redis_keys=sum(result.keys_deleted for result in results),
        missing=missing,
        keys=keys,
        along=0 if asked is None else models + missing - asked,
        dry_run=dry_run,
        queued=not dry_run and not all(result.was_committed for result in results),
        seconds=time.perf_counter() - start,
    )
