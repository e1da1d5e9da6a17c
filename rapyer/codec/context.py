"""The pydantic context that asks for a value's stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import SerializationInfo, ValidationInfo

REDIS_DUMP_FLAG_NAME = "__rapyer_dumped__"

STORED: dict[str, Any] = {REDIS_DUMP_FLAG_NAME: True}
"""Pass as `context` to validate or dump the form that stands in Redis instead of the ordinary one."""


def is_stored_form(info: ValidationInfo | SerializationInfo) -> bool:
    """Tell whether a validator or serializer is at work on the stored form."""
    context = info.context
    return isinstance(context, dict) and bool(context.get(REDIS_DUMP_FLAG_NAME))
