"""What a page of a table needs besides what was found, read in one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.commands.keys import exists
from rapyer.session.executor import execute
from rapyer_nb.widgets.columns import sizes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.widgets.cell_edit import CellEdit
    from rapyer_nb.widgets.columns import Column


@dataclass(frozen=True)
class Beside:
    """What was read.

    Attributes:
        gone: The keys that are not stored any more.
        sizes: How long queues are, by key and by column.
        open: What is where cells are edited, each with the epoch of its binding when the read was sent.
    """

    gone: frozenset[str]
    sizes: Mapping[str, Mapping[str, int]]
    open: Sequence[tuple[CellEdit, int, bytes | None]]


async def read_beside(
    source: ClientSource,
    model: type[AtomicRedisModel],
    columns: Sequence[Column],
    found: Iterable[str],
    missing: Sequence[str],
    edits: Iterable[CellEdit],
) -> Beside:
    """Read it (EXISTS, ZCARD, JSON.GET).

    Args:
        source: The server.
        model: The class.
        columns: The columns of the table.
        found: The keys of what was found.
        missing: Keys of which it is asked whether they are stored.
        edits: The cells that somebody edits.
    """
    epochs = [(one, one.binding.epoch, one.plan.place.reads()) for one in edits]
    sizes = [(key, *one) for key in found for one in sizes_of(model, columns, key)]
    commands: list[Any] = [*map(exists, missing), *(command for _, _, command in sizes)]
    commands += [command for _, _, reads in epochs for command in reads]
    replies = iter(await execute(source, commands)) if commands else iter(())
    gone = frozenset([key for key in missing if not next(replies)])
    lengths: dict[str, dict[str, int]] = {}
    for key, column, _ in sizes:
        lengths.setdefault(key, {})[column] = next(replies)
    raws = [(one, epoch, one.plan.place.raw([next(replies) for _ in reads])) for one, epoch, reads in epochs]
    return Beside(gone, lengths, raws)
