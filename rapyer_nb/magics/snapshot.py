"""`%rapyer_snapshot`, `%rapyer_diff` and `%rapyer_restore`: keep what documents hold, compare, put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.display import display

from rapyer import AtomicRedisModel, find_redis_models
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.arguments import plain
from rapyer_nb.magics.asking import agreed
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import VALUE, instances, model_class, valued
from rapyer_nb.parsing import resolve
from rapyer_nb.progress import progress
from rapyer_nb.snapshots import (
    Difference,
    Plan,
    Restoration,
    Scope,
    Shelf,
    Snapshot,
    compare,
    plan_of,
    put_back,
    take,
)
from rapyer_nb.views import Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call


class SnapshotMagic(AsyncMagic):
    """Keep what the documents of some models hold now, with their sets and queues and their time to live.

    Models are classes, of which all documents are kept, or variables that hold models, alone or in lists.
    Without models it is all classes that are known. Snapshots live in the memory of the notebook, and end
    with it. Without a name, those that there are are listed.
    Python: `await rapyer_nb.snapshot("before", User)`.

    Examples::

        %rapyer_snapshot before
        %rapyer_snapshot before User Team --replace
        %rapyer_snapshot mine ada users[:3]
        %rapyer_snapshot
        %rapyer_snapshot before --drop
    """

    name = "rapyer_snapshot"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "name", metavar="NAME", holds="SNAPSHOT", nargs="?", help="what to call the snapshot"
        )
        arguments.add_argument(
            "models",
            metavar="MODELS",
            holds="MODELS|VARIABLES",
            nargs="*",
            default=[],
            help="classes, or variables that hold models",
        )
        arguments.add_argument("--replace", action="store_true", help="replace the snapshot of that name")
        arguments.add_argument("--drop", action="store_true", help="forget the snapshot of that name")

    async def run(self, call: Call) -> Snapshot | Shelf | Note:
        """Take a snapshot, drop one, or list them."""
        __tracebackhide__ = True
        options, shelf = call.options, call.surroundings.snapshots
        if options.name is None:
            if options.drop or options.replace:
                raise NotebookError("%rapyer_snapshot: a name is missing", hint="%rapyer_snapshot lists them")
            return shelf
        name = plain(options.name, call.variables)
        if options.drop:
            dropped = shelf.drop(name)
            return Note(f"dropped {dropped.summary()}")
        models = given_models(options.models, call.variables)
        return await snapshot(shelf, name, models, replace=options.replace)


class DiffMagic(AsyncMagic):
    """Show how documents differ from a snapshot now, or how two snapshots differ.

    Each part that differs is a line: `+` for what was added, `-` for what was removed, `~` for what changed,
    in the JSON, in sets and queues, and of the time to live. Where the models are on another server now, that
    is compared, and both are named. Python: `await rapyer_nb.diff("before")`.

    Examples::

        %rapyer_diff before
        %rapyer_diff before after
        %rapyer_diff $snapshot
        changes = %rapyer_diff before
    """

    name = "rapyer_diff"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument("before", metavar="NAME", holds="SNAPSHOT", help="the snapshot")
        arguments.add_argument(
            "after", metavar="NAME", holds="SNAPSHOT", nargs="?", help="a later one, instead of now"
        )

    async def run(self, call: Call) -> Difference:
        """Compare."""
        __tracebackhide__ = True
        options = call.options
        before = snapshot_of(options.before, call)
        after = None if options.after is None else snapshot_of(options.after, call)
        return await difference(before, after)


class RestoreMagic(AsyncMagic):
    """Put back what a snapshot holds: values, sets, queues and times to live; show what that changes.

    It shows what it would do and asks first; `--yes` does it without asking, `--dry-run` only shows it. Each
    document is put back in one step, with all that lives beside it, and only if it is still as it was when it
    was shown: what others change meanwhile is left alone and reported. Documents that are newer than the
    snapshot stay, unless you say `--delete-new`. Python: `await rapyer_nb.restore("before")`.

    Examples::

        %rapyer_restore before --dry-run
        %rapyer_restore before
        %rapyer_restore before --yes --delete-new
    """

    name = "rapyer_restore"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument("name", metavar="NAME", holds="SNAPSHOT", help="the snapshot")
        arguments.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
        arguments.add_argument("--yes", action="store_true", help="do not ask")
        arguments.add_argument(
            "--delete-new", action="store_true", help="delete the documents that the snapshot has not"
        )
        arguments.add_argument(
            "--elsewhere", action="store_true", help="also onto another server than the snapshot is of"
        )

    async def run(self, call: Call) -> Restoration | Note:
        """Look, ask, and put back."""
        __tracebackhide__ = True
        options = call.options
        kept = snapshot_of(options.name, call)
        plan = await planned(kept, delete_new=options.delete_new, elsewhere=options.elsewhere)
        if options.dry_run or not plan.changes:
            return Restoration(plan, dry_run=options.dry_run)
        if not options.yes:
            display(Restoration(plan, dry_run=True))
            if not agreed(f"{plan.summary()}. Go on?", f"%{self.name}"):
                return Note("nothing was restored")
        return await carried_out(plan)


async def snapshot(
    shelf: Shelf | None, name: str, models: Iterable[Any] = (), *, replace: bool = False
) -> Snapshot:
    """Take a snapshot, and keep it where there is a shelf (SCAN; JSON.GET, SMEMBERS, ZRANGE, … in scripts).

    Args:
        shelf: Where it is kept.
        name: What it is called.
        models: Classes and instances; none for all classes that are known.
        replace: Whether it may take the place of another one.

    Raises:
        NotebookError: The name is taken.
    """
    __tracebackhide__ = True
    if shelf is not None and not replace:
        shelf.check_free(name)
    scope = Scope.of(models, find_redis_models())
    async with progress(None, f"snapshot {name}") as bar:
        taken = await take(scope, name, told=bar.reach)
    if shelf is not None:
        shelf.put(taken)
    return taken


async def difference(before: Snapshot, after: Snapshot | None = None) -> Difference:
    """Compare a snapshot with a later one, or with what Redis holds now, read as `snapshot` does.

    Of two snapshots nothing is sent.
    """
    __tracebackhide__ = True
    if after is None:
        async with progress(len(before), "comparing") as bar:
            after = await take(before.scope, told=bar.reach)
    return compare(before, after)


async def planned(kept: Snapshot, *, delete_new: bool = False, elsewhere: bool = False) -> Plan:
    """Return what putting a snapshot back would do; see `plan_of`.

    Reads what Redis holds now, as `snapshot` does, and changes nothing.
    """
    __tracebackhide__ = True
    async with progress(len(kept), "comparing") as bar:
        return await plan_of(kept, delete_new=delete_new, elsewhere=elsewhere, told=bar.reach)


async def carried_out(plan: Plan) -> Restoration:
    """Do what a plan says; see `put_back`.

    Sends a script for each document (JSON.SET, DEL, SADD, ZADD, PEXPIRE, PERSIST).
    """
    __tracebackhide__ = True
    async with progress(len(plan.changes), "restoring") as bar:
        return await put_back(plan, told=bar.reach)


def snapshot_of(word: str, call: Call) -> Snapshot:
    """Return the snapshot that a word stands for: one that is kept, by its name, or the value of `$name`.

    Raises:
        NotebookError: There is none of that name.
    """
    given = valued(word, call.variables) if word.startswith(VALUE) else word
    return given if isinstance(given, Snapshot) else call.surroundings.snapshots.get(str(given))


def given_models(
    words: Iterable[str], variables: Mapping[str, Any]
) -> Iterator[type[AtomicRedisModel] | AtomicRedisModel]:
    """Yield the classes and instances that words name.

    Raises:
        NotebookError: A name is unknown or holds something else.
    """
    for word in words:
        root = word.partition("[")[0].partition(".")[0]
        value = resolve(word, variables, "model") if root in variables else None
        if isinstance(value, (list, tuple, AtomicRedisModel)):
            yield from instances([word], variables)
        else:
            yield model_class(word, variables)
