"""The marker for fields whose stored value may turn out to be unreadable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

T = TypeVar("T")


class SafeLoadAnnotation:
    """Marks a field that never keeps its model from loading: `Annotated[Shade | None, SafeLoad]`.

    It is for values that are stored whole, mostly as pickles: of enums, dates, dataclasses, `Any`, … One that
    cannot be read is None then, named in `model.failed_fields`, and stays in Redis as it is until the field
    is assigned. So the field must allow None. Elements of lists, dicts and sets that cannot be read are left
    out, and stay in Redis, too.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "SafeLoad()"


if TYPE_CHECKING:
    SafeLoad = Annotated[T, SafeLoadAnnotation()]
else:

    class SafeLoad(SafeLoadAnnotation):
        """Marks a field: `SafeLoad[Shade | None]`, `SafeLoad(Shade | None)` or `Annotated[…, SafeLoad]`."""

        __slots__ = ()

        def __new__(cls, annotated=None):
            """Return `Annotated[annotated, …]`, or the bare marker where no type is given."""
            return SafeLoadAnnotation() if annotated is None else Annotated[annotated, SafeLoadAnnotation()]

        def __class_getitem__(cls, annotated):
            return Annotated[annotated, SafeLoadAnnotation()]
