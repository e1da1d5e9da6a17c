"""Saving an instance whole: its document, and what has changed beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.model.expiry import renewal_of_stored
from rapyer.model.persist import document_to_store, note_saved, store
from rapyer.model.remembered import remember
from rapyer.session.scope import open_batch
from rapyer.types.followed import followed

if TYPE_CHECKING:
    from rapyer.model.state import StoredModel


async def save_whole(model: StoredModel) -> None:
    """Store an instance, whatever is stored; of an inner model its own part of the document.

    Raises:
        KeyNotFound: An inner model's document is not stored.
    """
    batch, root = open_batch(), model._rapyer_root()
    if batch is not None:
        batch.remember(model)
        batch.remember(root)
    text = document_to_store(model)
    renewal = root._rapyer_renewal() if root is not model else renewal_of_stored([model])
    with followed(model, whole=True):
        await store(model, text, renewal)
    model._rapyer_mark_stored()
    note_saved(model)
    if batch is None and root is model:
        remember(model, text)
