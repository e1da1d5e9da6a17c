"""Finding markers in annotations, where they stand as instances or as bare classes."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin


def is_marker(metadata: object, marker: type) -> bool:
    """Tell whether a piece of field metadata is a marker, given as an instance or as the bare class."""
    return issubclass(metadata, marker) if isinstance(metadata, type) else isinstance(metadata, marker)


def carries(annotation: Any, marker: type) -> bool:
    """Tell whether an annotation, or a member of a union, carries a marker."""
    origin = get_origin(annotation)
    if origin is Annotated:
        core, *metadata = get_args(annotation)
        return any(is_marker(one, marker) for one in metadata) or carries(core, marker)
    return origin in {Union, types.UnionType} and any(carries(one, marker) for one in get_args(annotation))
