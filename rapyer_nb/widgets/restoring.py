"""Storing again what a form shows, when its object is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer import ainsert
from rapyer.errors import KeyExistsError, RapyerError
from rapyer.session.using import using
from rapyer_nb.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.widgets.body import Row


def give_back(rows: Iterable[Row]) -> list[str]:
    """Give the Python object what the rows show; return the names of fields that show what does not fit."""
    unfit = []
    for row in rows:
        text, fits = row.shown_text()
        if not fits:
            unfit.append(row.plan.name)
        elif text is not None and row.plan.stored is not None and not row.plan.spec.is_key:
            row.plan.stored.keep(text)
    return unfit


async def store_again(
    model: AtomicRedisModel, source: ClientSource, say: Callable[[str, str], None], done: Callable[[], None]
) -> None:
    """Store the object, only if its key is still free (script insert: JSON.SET, and what lies beside it).

    Args:
        model: The object, as it is to be stored.
        source: Where to.
        say: Tells the user, with a kind and a text.
        done: Called at the end, in any case.
    """
    try:
        with using(source):
            await ainsert(model, on_conflict="error")
    except KeyExistsError:
        say("warn", "not stored: somebody has stored it meanwhile")
    except RapyerError as error:
        say("error", f"not stored: {error}")
    except Exception as error:  # no connection: the form stays as it is
        say("error", f"not stored: {one_line(error)}")
    else:
        say("ok", f"{model.key} stored")
    finally:
        done()
