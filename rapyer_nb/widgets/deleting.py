"""Deleting the objects that somebody has selected, and saying how many there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.session.using import using
from rapyer_nb.errors import one_line
from rapyer_nb.views.note import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource


async def delete_objects(
    model: type[AtomicRedisModel], source: ClientSource, keys: Sequence[str], say: Callable[[str, str], None]
) -> bool:
    """Delete objects with their sets and queues (UNLINK), and say how many.

    Args:
        model: Their class.
        source: Where they are stored.
        keys: Which.
        say: Tells the user, with a kind and a text.

    Returns:
        Whether it was done.
    """
    try:
        with using(source):
            result = await model.adelete_many(*keys)
    except Exception as error:  # no connection, no permission: they stay selected
        say("error", f"not deleted: {one_line(error)}")
        return False
    text = f"{counted(result.models_deleted, model.__name__)} deleted"
    if result.models_missing:
        text += f", {result.models_missing:,} gone already"
    say("ok", text)
    return True
