"""The server that the running task has chosen for its models, if it did."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rapyer.session.clients import ClientSource

_chosen: ContextVar[ClientSource | None] = ContextVar("rapyer_source", default=None)

chosen_source: Callable[[], ClientSource | None] = _chosen.get
"""Returns the source of the innermost `using` that the running task is in; None outside of one."""


@contextmanager
def using(source: ClientSource) -> Iterator[None]:
    """Let models use a source in a block, and in the tasks that it starts, instead of the bound one.

    Models whose `Meta` names a connection keep it. Nothing is sent.

    Args:
        source: Where their commands go.
    """
    token = _chosen.set(source)
    try:
        yield
    finally:
        _chosen.reset(token)
