"""The marker for references whose targets are kept alive with the model that holds them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from rapyer.errors import InvalidCascadeDepthError


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


def cascade_marker(metadata: object) -> CascadeTTL | None:
    """Return the cascade that field metadata asks for, given as an instance or as the bare class."""
    if isinstance(metadata, CascadeTTL):
        return metadata
    if isinstance(metadata, type) and issubclass(metadata, CascadeTTL):
        return metadata()
    return None
