"""Snapshots as plain Python: `rapyer_nb.snapshot`, `rapyer_nb.diff`, `rapyer_nb.restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython

from rapyer_nb.errors import NotebookError
from rapyer_nb.extension import toolkit_of
from rapyer_nb.magics import snapshot as keeping
from rapyer_nb.magics.models import check_classes
from rapyer_nb.snapshots import Restoration

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer_nb.snapshots import Difference, Shelf, Snapshot


async def snapshot(
    name: str, *models: type[AtomicRedisModel] | AtomicRedisModel, replace: bool = False
) -> Snapshot:
    """Keep what documents hold now, with what lives beside them and their TTL; `%rapyer_snapshot` in Python.

    Sends SCAN for each class, and a script for each document (JSON.GET, SMEMBERS, ZRANGE, PTTL), many in a
    round trip. Each document is read at one moment, with all that lives beside it.

    Args:
        name: What it is called; in a notebook with the extension it is kept under that name.
        models: Classes, of which all documents are kept, and instances; none for all classes.
        replace: Whether it may take the place of a snapshot of that name.

    Returns:
        The snapshot, with `documents` by their keys.

    Raises:
        NotebookError: There is a snapshot of that name, or there are no models.
    """
    check_classes(*(model for model in models if isinstance(model, type)))
    return await keeping.snapshot(_shelf(), name, models, replace=replace)


async def diff(before: Snapshot | str, after: Snapshot | str | None = None) -> Difference:
    """Compare a snapshot with a later one, or with what Redis holds now; `%rapyer_diff` in Python.

    Reads as `snapshot` does where there is no later one; else it sends nothing.

    Args:
        before: The snapshot, or its name.
        after: A later one; `None` for now.

    Returns:
        The difference, with `changes`, each with its `key`, `kind` and `parts`; true where there are any.

    Raises:
        NotebookError: There is no snapshot of that name, or they have no model in common.
    """
    later = None if after is None else _kept(after)
    return await keeping.difference(_kept(before), later)


async def restore(
    snapshot: Snapshot | str, *, dry_run: bool = False, delete_new: bool = False, elsewhere: bool = False
) -> Restoration:
    """Put back what a snapshot holds, without asking; `%rapyer_restore` in Python.

    Reads as `snapshot` does, and writes each document that differs in a script (JSON.SET, DEL, SADD, ZADD,
    PEXPIRE, PERSIST), which leaves it alone where somebody has changed it since it was read.

    Args:
        snapshot: The snapshot, or its name.
        dry_run: Whether to write nothing, and only say what would be.
        delete_new: Whether to delete the documents that the snapshot has not.
        elsewhere: Whether it may be another server than the snapshot is of.

    Returns:
        What was done, with the keys of what was put back (`restored`), and of what was left alone, since
        it had changed meanwhile (`changed`).

    Raises:
        NotebookError: There is no snapshot of that name, or its models are on another server now.
    """
    plan = await keeping.planned(_kept(snapshot), delete_new=delete_new, elsewhere=elsewhere)
    if dry_run or not plan.changes:
        return Restoration(plan, dry_run=dry_run)
    return await keeping.carried_out(plan)


def _kept(given: Snapshot | str) -> Snapshot:
    if not isinstance(given, str):
        return given
    shelf = _shelf()
    if shelf is None:
        raise NotebookError(
            f"there is no notebook that keeps a snapshot {given!r}", hint="give the snapshot itself"
        )
    return shelf.get(given)


def _shelf() -> Shelf | None:
    toolkit = toolkit_of(get_ipython())
    return None if toolkit is None else toolkit.surroundings.snapshots
