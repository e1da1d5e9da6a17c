"""Controls for a model as one value, and for a value that may be of several types."""

from __future__ import annotations

import typing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets as W
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined
from traitlets import TraitError

from rapyer.types.base import native_of
from rapyer_nb.widgets.annotations import annotation_in, is_model, takes_none
from rapyer_nb.widgets.bounds import Bounds
from rapyer_nb.widgets.control import CannotShow, Control, Request, classed, close_tree, label, line, main
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.requests import wish_of
from rapyer_nb.widgets.saying import explain, shortened
from rapyer_nb.widgets.shown import ReadOnlyControl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    Build = Callable[[Request], Control]


class ModelControl(Control):
    """A model as one value: a control for each of its fields.

    Args:
        request: What it is for; its annotation is the class.
        build: Makes the controls of the fields.
    """

    def __init__(self, request: Request, build: Build) -> None:
        self._class: type[BaseModel] = request.annotation
        self._constants = _constants_of(self._class)
        self._controls: dict[str, Control] = {}
        self._known: set[str] = set()
        for name, info in self._class.model_fields.items():
            if name not in self._constants:
                self._controls[name] = build(_request_for(request, name, info))
                self._begin(name, info)
        box = classed(W.VBox([control.widget for control in self._controls.values()]), "rpy-box")
        self.widget = box if request.bare else classed(line(label(request), box), "rpy-tall")

    def get(self) -> Any:
        """Return the model, or why what the fields hold makes none."""
        values = dict(self._constants)
        for name, control in self._controls.items():
            value = control.get()
            if isinstance(control, ReadOnlyControl) and name not in self._known:
                continue
            if isinstance(value, Unfit):
                return Unfit(f"{name}: {value.reason}")
            values[name] = value
        try:
            return self._class.model_validate(values, by_name=True)
        except ValidationError as error:
            return Unfit(explain(error, ""))

    def set(self, value: Any) -> None:
        """Show the fields of a model."""
        for name, control in self._controls.items():
            control.set(native_of(getattr(value, name)))
            self._known.add(name)

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Listen to all fields."""
        for control in self._controls.values():
            control.listen(changed)

    def enable(self, on: bool) -> None:
        """Enable all fields."""
        for control in self._controls.values():
            control.enable(on)

    def _begin(self, name: str, info: FieldInfo) -> None:
        try:
            value = info.get_default(call_default_factory=True)
        except Exception:  # a factory that needs the other values, or the user's own
            return
        if value is PydanticUndefined or (value is None and not takes_none(info.annotation)):
            return
        try:
            self._controls[name].set(native_of(value))
            self._known.add(name)
        except (CannotShow, TraitError):
            return


class UnionControl(Control):
    """A value of one of several types: a list to choose the type from, and that type's control.

    Args:
        request: What it is for.
        members: The types.
        build: Makes the control of a type.
    """

    def __init__(self, request: Request, members: Sequence[Any], build: Build) -> None:
        self._request = request
        self._members = tuple(members)
        self._build = build
        self._changed: Callable[[bool], None] = lambda _: None
        self._on = True
        self._index: int | None = None
        self._inner: Control | None = None
        names = _names_of(self._members)
        self.kind = W.Dropdown(options=names, value=None, description=f"{request.text}, type")
        main(self.kind, replace(request, bare=True))
        self.kind.observe(self._chosen, "index")
        self._box = classed(W.VBox([self.kind]), "rpy-variants")
        parts = [self._box] if request.bare else [label(request), self._box]
        self.widget = classed(line(*parts), "rpy-tall")

    @property
    def inner(self) -> Control | None:
        """The control of the chosen type."""
        return self._inner

    def get(self) -> Any:
        """Return the value in the chosen type's control."""
        return Unfit("choose a type") if self._inner is None else self._inner.get()

    def set(self, value: Any) -> None:
        """Show the value, and its type."""
        index = self._type_of(value)
        if index is None:
            raise CannotShow(f"{shortened(repr(value))} is of none of these types; change it in a cell")
        control = self._switch(index)
        control.set(value)
        if self.kind.index != index:
            self.kind.index = index

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Listen to the type and to its control."""
        self._changed = changed

    def enable(self, on: bool) -> None:
        """Enable the type and its control."""
        self._on = on
        self.kind.disabled = not on
        if self._inner is not None:
            self._inner.enable(on)

    def settled(self) -> None:
        """Pass it on."""
        if self._inner is not None:
            self._inner.settled()

    def _chosen(self, _: Any) -> None:
        self._request.post(self._follow)
        self._changed(False)

    def _follow(self) -> None:
        """Show the control of the type that was chosen, with the same value where it can have it."""
        index = self.kind.index
        if index is None or index == self._index:
            return
        before = Unfit("") if self._inner is None else self._inner.get()
        control = self._switch(index)
        for candidate in () if isinstance(before, Unfit) else (before, str(before)):
            try:
                control.set(TypeAdapter(self._members[index]).validate_python(candidate))
            except (ValueError, TypeError, TraitError):
                continue
            return

    def _switch(self, index: int) -> Control:
        if self._inner is not None and index == self._index:
            return self._inner
        before = self._inner
        wanted = replace(
            self._request, annotation=self._members[index], bare=True, adapter=None, label=self._request.text
        )
        control = self._build(wanted)
        self._index, self._inner = index, control
        control.enable(self._on)
        control.listen(lambda immediate: self._changed(immediate))
        self._box.children = (self.kind, control.widget)
        if before is not None:
            close_tree(before.widget)
        return control

    def _type_of(self, value: Any) -> int | None:
        for index, member in enumerate(self._members):
            if type(value) is member:
                return index
        for index, member in enumerate(self._members):
            try:
                found = TypeAdapter(member).validate_python(value, strict=True)
            except (ValueError, TypeError):
                continue
            if type(found) is type(value):
                return index
        return None


def _request_for(request: Request, name: str, info: FieldInfo) -> Request:
    return replace(
        request,
        name=f"{request.name}.{name}",
        annotation=annotation_in(request.annotation, name),
        label=info.title or name,
        tooltip=info.description or "",
        bounds=Bounds().with_metadata(info.metadata),
        example=str(next(iter(info.examples or ()), "")),
        wish=wish_of(info),
        adapter=None,
        above=(*request.above, request.annotation),
        bare=False,
    )


def _constants_of(cls: type[BaseModel]) -> dict[str, Any]:
    """Return the fields that can have one value only, such as the tag of a union's member."""
    return {
        name: typing.get_args(info.annotation)[0]
        for name, info in cls.model_fields.items()
        if typing.get_origin(info.annotation) is typing.Literal and len(typing.get_args(info.annotation)) == 1
    }


def _names_of(members: Sequence[Any]) -> list[str]:
    names = [_name_of(member) for member in members]
    if all(map(is_model, members)):
        tags = [_constants_of(member) for member in members]
        common = [name for name in tags[0] if all(name in tag for tag in tags)]
        if common and len({tag[common[0]] for tag in tags}) == len(tags):
            return [str(tag[common[0]]) for tag in tags]
    return [name if names.count(name) == 1 else f"{name} {index + 1}" for index, name in enumerate(names)]


def _name_of(member: Any) -> str:
    if typing.get_origin(member) is typing.Annotated:
        return _name_of(typing.get_args(member)[0])
    member = getattr(member, "__rapyer_plain__", member)
    native = getattr(member, "native", member)
    plain = isinstance(native, type) and not typing.get_args(member)
    return native.__name__ if plain else str(member).replace("typing.", "")
