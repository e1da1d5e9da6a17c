"""What `awatch` tells of one document."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer.base import AtomicRedisModel
    from rapyer.live import Mode

Kind: TypeAlias = Literal["set", "deleted", "expired", "unknown"]


@dataclass(frozen=True)
class Change:
    """How one document differs from what it was when it was last read.

    Attributes:
        key: The key of the document.
        model_class: Its class.
        kind: "set" where it is stored; "deleted", or "expired" where its time to live was over, where it is
            not; "unknown" where what is stored there cannot be read as the class.
        model: A fresh instance of what is stored now; None where there is none.
        fields: What was there before and what is there now, by the name of the field. It is empty where that
            is not known, as the document was not read before, or did not exist. Of a queue it has lists of
            pairs, a value and its priority.
        heard_by: How the change was heard of: "tracking", "notifications" or "polling"; "idle" where it was
            read before the connection for that was back.
        at: When it was read, by the clock of this computer.
        error: Why it cannot be read, of kind "unknown".
    """

    key: str
    model_class: type[AtomicRedisModel]
    kind: Kind
    model: Any = None
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=lambda: MappingProxyType({}))
    heard_by: Mode = "idle"
    at: datetime = field(default_factory=lambda: datetime.now(timezone.utc), compare=False)
    error: Exception | None = field(default=None, compare=False)
