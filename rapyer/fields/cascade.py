"""The markers for references whose targets are kept alive, or deleted, with the model that holds them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rapyer.errors import InvalidCascadeDepthError

if TYPE_CHECKING:
    from collections.abc import Iterable


class TTLCascadeMode(enum.Enum):
    """What a cascade does to the time to live of what it reaches."""

    EXTEND = "extend"
    """Lets it live at least as long as its class says: it is never shortened."""


@dataclass(frozen=True)
class CascadeSpec:
    """Whether, and how far, something that happens to a model goes on to the models it refers to.

    Attributes:
        enabled: Whether it does.
        depth: How many more references are followed from there that carry no marker of their own; None for
            no limit.

    Raises:
        InvalidCascadeDepthError: The depth is negative, or no integer.
    """

    enabled: bool = True
    depth: int | None = None

    def __post_init__(self) -> None:
        depth = self.depth
        if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
            raise InvalidCascadeDepthError(
                f"the depth of a cascade is {depth!r}", hint="give 0 or more, or None for no limit"
            )


@dataclass(frozen=True)
class CascadeTTL(CascadeSpec):
    """Starting a model's time to live anew does the same for what the reference names.

    It marks a field, `Annotated[Reference[Author], CascadeTTL()]`, also one that holds a list, a dict, a set
    or a queue of references, or is the default for all fields: `init_rapyer(cascade_ttl=CascadeTTL())`. Each
    model that is reached lives at least as long as the `Meta.ttl` of its own class.

    Attributes:
        mode: What happens to the models that are reached.
    """

    mode: TTLCascadeMode = TTLCascadeMode.EXTEND


@dataclass(frozen=True, init=False)
class CascadeDelete(CascadeSpec):
    """Deleting a model with `cascade=True` deletes, too, what the reference names.

    It marks a field, `Annotated[list[Reference[Chapter]], CascadeDelete()]`, whatever holds its references.
    Only marked fields are ever followed, and only to models of the classes that the reference may name.

    Args:
        depth: How many more references are followed from there, one after the other; 0 deletes only what the
            field names itself, None is no limit. It shortens the limit of the way that led there.
        enabled: Whether they are followed at all.
    """

    def __init__(self, depth: int | None = None, *, enabled: bool = True) -> None:
        # A dataclass would take `enabled` first.
        object.__setattr__(self, "enabled", enabled)
        object.__setattr__(self, "depth", depth)
        self.__post_init__()


S = TypeVar("S", bound=CascadeSpec)


def cascade_marker(metadata: Iterable[object], kind: type[S]) -> S | None:
    """Return the cascade of a kind that field metadata asks for, as an instance or as the bare class."""
    for given in metadata:
        if isinstance(given, kind):
            return given
        if isinstance(given, type) and issubclass(given, kind):
            return given()
    return None
