"""Forward references between classes of different modules, resolved by the names of the known classes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.model.state import StoredModel


def resolve_forward_references(models: Iterable[type[StoredModel]]) -> None:
    """Complete the classes whose annotations name classes that did not exist yet, as far as they do now.

    A name is looked up as pydantic does, and then among the known classes: the module of a class may import
    the other only for type checkers.

    Args:
        models: The known classes.
    """
    known = {model.__name__: model for model in models}
    for model in known.values():
        if model.__pydantic_complete__:
            continue
        module = vars(sys.modules.get(model.__module__, object))
        names: dict[str, Any] = {name: found for name, found in known.items() if name not in module}
        model.model_rebuild(raise_errors=False)
        if not model.__pydantic_complete__:
            model.model_rebuild(raise_errors=False, _types_namespace=names)
