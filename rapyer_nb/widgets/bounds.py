"""What a field's metadata says of its values: bounds, lengths and patterns, for controls and for hints."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from annotated_types import BaseMetadata, GroupedMetadata
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LIMITS: Final = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a field's values; `None` where there is none."""

    ge: Any = None
    gt: Any = None
    le: Any = None
    lt: Any = None
    multiple_of: Any = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None

    def with_metadata(self, metadata: Iterable[Any]) -> Bounds:
        """Return these bounds with those that pydantic's metadata sets."""
        found = {
            name: value
            for item in _flat(metadata)
            for name in _LIMITS
            if (value := getattr(item, name, None)) is not None
        }
        if "pattern" in found:
            found["pattern"] = getattr(found["pattern"], "pattern", found["pattern"])
        return replace(self, **found) if found else self

    def whole_numbers(self) -> tuple[int | None, int | None]:
        """Return the least and the greatest whole number; an open bound is shifted by one."""
        low = [*_rounded(self.ge, math.ceil), *_rounded(self.gt, lambda bound: math.floor(bound) + 1)]
        high = [*_rounded(self.le, math.floor), *_rounded(self.lt, lambda bound: math.ceil(bound) - 1)]
        return max(low, default=None), min(high, default=None)

    @property
    def hint(self) -> str:
        """What a value has to be, in words; empty where anything goes."""
        return ", ".join(self._hints())

    def _hints(self) -> Iterator[str]:
        if self.min_length is not None:
            yield f"at least {self.min_length:,} long"
        if self.max_length is not None:
            yield f"at most {self.max_length:,} long"
        for bound, words in ((self.ge, "from"), (self.gt, "more than"), (self.le, "up to")):
            if bound is not None:
                yield f"{words} {bound}"
        if self.lt is not None:
            yield f"less than {self.lt}"
        if self.multiple_of is not None:
            yield f"a multiple of {self.multiple_of}"
        if self.pattern is not None:
            yield f"matches {self.pattern}"


def _flat(metadata: Iterable[Any]) -> Iterator[BaseMetadata]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from _flat(item.metadata)
        elif isinstance(item, GroupedMetadata) and not isinstance(item, type):
            yield from _flat(item)
        elif isinstance(item, BaseMetadata):
            yield item


def _rounded(bound: Any, whole: Any) -> list[int]:
    is_number = isinstance(bound, int | float) and not isinstance(bound, bool) and math.isfinite(bound)
    return [int(whole(bound))] if is_number else []
