"""The pydantic context that asks for a value's stored form."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import SerializationInfo, ValidationInfo

    from rapyer.errors import CantSerializeRedisValueError

REDIS_DUMP_FLAG_NAME = "__rapyer_dumped__"

STORED: dict[str, Any] = {REDIS_DUMP_FLAG_NAME: True}
"""Pass as `context` to validate or dump the form that stands in Redis instead of the ordinary one."""


def is_stored_form(info: ValidationInfo | SerializationInfo) -> bool:
    """Tell whether a validator or serializer is at work on the stored form."""
    context = info.context
    return context is STORED or asks_for_stored_form(context)


def asks_for_stored_form(context: Any) -> bool:
    """Tell whether a pydantic context asks for the stored form."""
    return isinstance(context, dict) and bool(context.get(REDIS_DUMP_FLAG_NAME))


FAILURE: ContextVar[CantSerializeRedisValueError | None] = ContextVar("rapyer_failure", default=None)
"""Why the latest dump of a stored form failed: pydantic passes on only the text of a serializer's error."""
