"""What a class gives for the name of a field, before it is compared with anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from rapyer.errors import BadFilterError

if TYPE_CHECKING:
    from rapyer.model.state import StoredModel
    from rapyer.search.places import Place


class Operand:
    """What a class gives for the name of a field."""

    __slots__ = ("_place", "_root")

    def __init__(self, place: Place, root: type[StoredModel]) -> None:
        self._place = place
        self._root = root

    def __repr__(self) -> str:
        return self._name()

    def _name(self) -> str:
        return f"{self._root.__name__}.{self._place.name}"

    def _alone(self, _: object = None) -> NoReturn:
        raise self._bad(
            "alone is no filter",
            "compare it with a value, each comparison in parentheses: (User.age >= 18) & (User.age < 65)",
        )

    __bool__ = __and__ = __rand__ = __or__ = __ror__ = __invert__ = _alone

    def __contains__(self, _: object) -> NoReturn:
        raise self._bad("cannot be used with `in`", "use .contains(…)")

    def _bad(self, said: str, hint: str | None = None, *, call: str = "") -> BadFilterError:
        asked = f"{self._name()}.{call}" if call else self._name()
        return BadFilterError(f"{asked} {said}", field=self._place.name, model=self._root.__name__, hint=hint)
