"""Setting how long one model lives, and with it those that it refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rapyer.config import checked_ttl
from rapyer.errors import InnerModelError
from rapyer.model.cascade import plan_of
from rapyer.model.expiry import expire
from rapyer.session.executor import perform
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from rapyer.model.state import StoredModel
    from rapyer.result import CascadeResult


async def set_ttl(model: StoredModel, ttl: int, *, cascade: bool) -> CascadeResult | None:
    """Let what is stored of an instance end after some time, all its keys together.

    Args:
        model: The instance.
        ttl: Seconds from now.
        cascade: Whether the models that it refers to live on, too.

    Returns:
        With `cascade` what was met on the way; None in a pipeline.

    Raises:
        ValueError: The time is not a positive integer, or more than Redis can hold.
        InnerModelError: The instance lives inside another model.
    """
    checked_ttl(ttl)
    key = model._rapyer_key()
    if model._rapyer_is_inner():
        raise InnerModelError("Can only set TTL from top level model", key=key, field=model.field_path)
    source, commands = model._rapyer_source(), expire(model, ttl)
    if cascade:
        commands = (plan_of(type(model)).command([key], ttl),)
    replies = await perform(source, *commands)
    batch = open_batch()
    if batch is not None:
        batch.renew(source, commands)  # for what was noted before would overwrite it
    return cast("CascadeResult | None", replies[0]) if cascade else None
