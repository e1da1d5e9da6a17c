"""What a caller asks for in place of a field's own control, checked before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from rapyer_nb.errors import NotebookError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic.fields import FieldInfo

NAMES: Final = (
    "checkbox",
    "color",
    "dropdown",
    "json",
    "number",
    "password",
    "radio",
    "readonly",
    "select",
    "slider",
    "text",
    "textarea",
    "toggle",
)
"""The names of controls that a field can ask for."""


def wish_of(info: FieldInfo) -> Any:
    """Return the control that a field asks for by `json_schema_extra={'widget': …}`, if it does."""
    extra = info.json_schema_extra
    return extra.get("widget") if isinstance(extra, dict) else None


class Named(Protocol):
    """What has a name: a field of a form."""

    @property
    def name(self) -> str:
        """The dotted name."""


def checked_wishes(wishes: Mapping[str, Any] | None, fields: Iterable[Named], what: str) -> Mapping[str, Any]:
    """Return the controls that a caller asks for, by the names of their fields.

    Args:
        wishes: What the caller gave.
        fields: The form's fields.
        what: What the caller called and the class, for messages.

    Raises:
        NotebookError: There is no such field.
    """
    known = sorted(field.name for field in fields)
    for name in wishes or {}:
        if name not in known:
            raise NotebookError(f"{what} has no field {name!r}", hint=_nearest(str(name), known))
    return dict(wishes or {})


def check_name(name: str, field: str) -> None:
    """Make sure that there is a control of that name.

    Raises:
        NotebookError: There is none.
    """
    if name not in NAMES:
        raise NotebookError(f"{field}: no control is called {name!r}", hint=_nearest(name, NAMES))


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = nearest(name, names)
    listed = f"there are {', '.join(names)}" if names else "there are none"
    return listed if near is None else f"did you mean {near!r}? {listed}"
