"""Putting back what a snapshot holds, without harm to what others do meanwhile."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rapyer.commands.content import DOCUMENT, NOTHING, QUEUE, SET, Content, PutBack
from rapyer.commands.content import put_back as put_back_command
from rapyer.model.registry import registry
from rapyer.session.executor import execute
from rapyer_nb.errors import NotebookError
from rapyer_nb.snapshots.compare import Change, compare, differs, groups_of
from rapyer_nb.snapshots.taking import capture_keys, take
from rapyer_nb.views.changes import Changes, Line
from rapyer_nb.views.note import counted
from rapyer_nb.views.view import Reporting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rapyer import AtomicRedisModel
    from rapyer_nb.snapshots.compare import Kind
    from rapyer_nb.snapshots.snapshot import Kept, Snapshot
    from rapyer_nb.snapshots.taking import Told
    from rapyer_nb.views.changes import Group

_CHUNK: Final = 50
_NOTHING: Final = Content(NOTHING, None, None, None, "")
_OPPOSITE: Final = {"+": "-", "-": "+", "~": "~"}
_OPPOSITE_REMARK: Final = {"gone": "new", "new": "gone"}


@dataclass(frozen=True)
class Plan:
    """What putting a snapshot back would do, as Redis is now.

    Attributes:
        snapshot: What is put back.
        changes: What is going to be put back: the changes since the snapshot, which are undone.
        held: What was at the keys when the plan was made; what differs from that later is left alone.
        kept: The documents that are newer than the snapshot and stay.
        blocked: The documents that cannot be put back, since a key holds something else, each with why.
    """

    snapshot: Snapshot
    changes: tuple[Change, ...]
    held: Mapping[str, Kept]
    kept: tuple[str, ...] = ()
    blocked: tuple[tuple[str, str], ...] = ()

    def summary(self) -> str:
        """Return a line such as `restore 'before': 2 back to what they were, 1 created again`."""
        if not self.changes:
            return f"restore {self.snapshot.name!r}: nothing to do"
        counts = Counter(change.kind for change in self.changes)
        told: dict[Kind, str] = {
            "changed": "back to what they were",
            "gone": "created again",
            "new": "deleted, newer than the snapshot",
        }
        parts = [f"{counts[kind]:,} {said}" for kind, said in told.items() if counts[kind]]
        return f"restore {self.snapshot.name!r}: {', '.join(parts)}"

    def remarks(self) -> list[str]:
        """Return lines on what stays as it is."""
        lines = []
        if self.kept:
            number = counted(len(self.kept), "document")
            lines.append(f"{number} newer than the snapshot kept; --delete-new deletes them")
        lines += [f"⚠ {key} is left as it is: {why}" for key, why in self.blocked[:3]]
        if len(self.blocked) > 3:
            lines.append(f"⚠ so are {len(self.blocked) - 3:,} more")
        return lines


@dataclass(frozen=True, repr=False)
class Restoration(Reporting):
    """What became of putting a snapshot back.

    Attributes:
        plan: What was to be done.
        dry_run: Whether nothing was to be written.
        restored: The keys of the documents that hold what the snapshot does.
        changed: The keys of those that somebody has changed meanwhile; they were left as they are.
    """

    plan: Plan
    dry_run: bool
    restored: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return a line such as `restored 3 documents from 'before'`."""
        if self.dry_run:
            return f"dry run, nothing was written; {self.plan.summary()}"
        if not self.plan.changes:
            return self.plan.summary()
        return f"restored {counted(len(self.restored), 'document')} from {self.plan.snapshot.name!r}"

    def view(self) -> Changes:
        """Return what a notebook shows: what is undone, or was, as the way from now to the snapshot."""
        done = set(self.restored)
        shown = [change for change in self.plan.changes if self.dry_run or change.key in done]
        remarks = self.plan.remarks()
        if self.changed:
            number = counted(len(self.changed), "document")
            first = ", ".join(self.changed[:3])
            remarks.append(
                f"⚠ {number} changed meanwhile and left alone ({first}); run it again to undo that too"
            )
        if self.restored:
            remarks.append("models in variables still hold the later values: await model.aload()")
        return Changes(self.summary(), [_undone(group) for group in groups_of(shown)], remarks)


def _undone(group: Group) -> Group:
    """Return how a change is shown that undoes another one."""
    lines = [Line(_OPPOSITE[line.sign], line.path, line.after, line.before) for line in group.lines]
    remark = _OPPOSITE_REMARK.get(group.remark, group.remark)
    return replace(group, sign=_OPPOSITE[group.sign], remark=remark, lines=lines)


async def plan_of(
    snapshot: Snapshot, *, delete_new: bool = False, elsewhere: bool = False, told: Told | None = None
) -> Plan:
    """Look what putting a snapshot back would do (SCAN; scripts as `take` sends); writes nothing.

    Args:
        snapshot: The snapshot.
        delete_new: Whether documents that are newer than the snapshot are deleted.
        elsewhere: Whether it may be another server than that of the snapshot.
        told: Is told of progress.

    Raises:
        NotebookError: The models are on another server now.
    """
    server = snapshot.scope.server()
    if server != snapshot.server and not elsewhere:
        raise NotebookError(
            f"snapshot {snapshot.name!r} is of {snapshot.server}, and its models are on {server} now",
            hint="go there with --alias or %rapyer_connect, or add --elsewhere",
        )
    now = await take(snapshot.scope, told=told)
    held = {**now.documents, **await _at_the_keys_of_the_gone(snapshot, now)}
    there = {key: kept for key, kept in held.items() if kept.document.kind == DOCUMENT}
    difference = compare(snapshot, replace(now, documents=there))
    wanted = [change for change in difference.changes if change.kind != "new" or delete_new]
    blocked = [(change.key, why) for change in wanted if (why := _obstacle(change.key, snapshot, held))]
    left = {key for key, _ in blocked}
    new = () if delete_new else (change.key for change in difference.changes if change.kind == "new")
    chosen = tuple(change for change in wanted if change.key not in left)
    return Plan(snapshot, chosen, held, tuple(new), tuple(blocked))


async def _at_the_keys_of_the_gone(snapshot: Snapshot, now: Snapshot) -> dict[str, Kept]:
    """Read what is at the keys of documents that are not there any more: nothing, or something else."""
    found: dict[str, Kept] = {}
    for model in snapshot.scope.models:
        gone = [
            key
            for key, kept in snapshot.documents.items()
            if kept.model == model.__name__ and key not in now.documents
        ]
        found.update(await capture_keys(model, gone))
    return found


def _obstacle(key: str, snapshot: Snapshot, held: Mapping[str, Kept]) -> str:
    """Return why a document cannot be put back: another type has taken one of its keys. Else nothing."""
    for name, content in held[key].parts.items():
        before = snapshot.documents[key].parts.get(name) if key in snapshot.documents else None
        allowed = {NOTHING, DOCUMENT} if name == "" else {NOTHING, SET, QUEUE}
        if before is not None and name and before.kind != NOTHING:
            allowed = {NOTHING, before.kind}
        if content.kind not in allowed:
            return f"{held[key].keys[name]} holds a {content.kind} now"
    return ""


async def put_back(plan: Plan, *, told: Told | None = None) -> Restoration:
    """Do what a plan says, each document with all that lives beside it in one step.

    A script checks that all keys of a document hold what they held when the plan was made, and leaves the
    document alone otherwise (JSON.SET, DEL, SADD, ZADD, PEXPIRE, PERSIST). What has ended since the
    snapshot gets the time that it had left then. It is done at once, in a pipeline too.

    Args:
        plan: The plan.
        told: Is told of progress.
    """
    restored: list[str] = []
    changed: list[str] = []
    changes = plan.changes
    for start in range(0, len(changes), _CHUNK):
        for model, some in _by_model(changes[start : start + _CHUNK], plan):
            commands = [put_back_command(_steps(change, plan)) for change in some]
            replies = await execute(registry.source_for(model), commands)
            for change, blocking in zip(some, replies, strict=True):
                (changed if blocking else restored).append(change.key)
            if told is not None:
                told(len(restored) + len(changed), len(changes))
    return Restoration(plan, dry_run=False, restored=tuple(restored), changed=tuple(changed))


def _by_model(changes: Sequence[Change], plan: Plan) -> Iterator[tuple[type[AtomicRedisModel], list[Change]]]:
    models = {model.__name__: model for model in plan.snapshot.scope.models}
    for name in dict.fromkeys(change.model for change in changes):
        yield models[name], [change for change in changes if change.model == name]


def _steps(change: Change, plan: Plan) -> list[PutBack]:
    return steps_back(plan.snapshot.documents.get(change.key), plan.held[change.key])


def steps_back(wanted: Kept | None, held: Kept) -> list[PutBack]:
    """Return what lets a model hold again what it held, if it still holds what was read of it.

    Args:
        wanted: What it held; `None` for nothing.
        held: What it holds now.
    """
    return [
        _step(key, None if wanted is None else wanted.parts[name], held.parts[name])
        for name, key in held.keys.items()
    ]


def _step(key: str, wanted: Content | None, held: Content) -> PutBack:
    if wanted is None:
        return PutBack(key, held, _NOTHING)
    return PutBack(key, held, wanted if differs(wanted, held) else None)
