"""What is put around the schema of a class, so that it holds wherever the class stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "rapyer_wrapped"


def wrap_within(schema: Any, wrap: Callable[[Any], Any]) -> None:
    """Put something around the schema of a class, once, under the name by which other schemas refer to it.

    What is put around the reference alone holds for the first field of a class only: for the next ones
    pydantic takes the name.

    Args:
        schema: The schema that pydantic made of the class, resolved; it is changed in place.
        wrap: Returns the schema with what is to be around it, or as it is.
    """
    if _MARK in schema.get("metadata", {}):
        return
    inner = {key: value for key, value in schema.items() if key != "ref"}
    wrapped = wrap(inner)
    if wrapped is inner:
        return
    ref = schema.get("ref")
    schema.clear()
    schema.update(wrapped, metadata={**wrapped.get("metadata", {}), _MARK: True})
    if ref is not None:
        schema["ref"] = ref
