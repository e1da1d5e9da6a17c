"""`new(Model)`: a form for an object that does not exist yet, with a button that stores it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import ipywidgets as W
from pydantic import ValidationError

from rapyer import AtomicRedisModel, ainsert
from rapyer.errors import RapyerError
from rapyer.model.registry import registry
from rapyer.session.using import using
from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import button, line
from rapyer_nb.widgets.draft import DraftGroup
from rapyer_nb.widgets.following import Following, following
from rapyer_nb.widgets.form import plan_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ModelCreator(Following):
    """The form of a new object.

    Attributes:
        model_class: Its class.
        model: What was created last; `None` before.
        created: All that was created with it.
    """

    def __init__(self, model_class: type[AtomicRedisModel]) -> None:
        """Build the form; needs a running event loop."""
        self._source = registry.source_for(model_class)
        super().__init__(("new", model_class.__name__, self._source))
        self.model_class = model_class
        self.model: AtomicRedisModel | None = None
        self.created: list[AtomicRedisModel] = []
        self._hidden = False
        draft = model_class.model_construct()
        self._draft = DraftGroup(plan_form(draft, ""), draft, self.post)
        self._head = W.HTML(self._header("draft"))
        self._foot = W.HTML(style.message("muted", "", "foot"))
        self._button = button("Create", f"Store a new {model_class.__name__} in Redis")
        self._button.on_click(lambda _: self.post(self.create))
        parts = [W.HTML(style.STYLE), self._head, self._draft.box(), line(self._button), self._foot]
        self.build(parts)
        self.add_class("rpy-editor")

    # What the button does -----------------------------------------------------------------------------------

    def create(self) -> None:
        """Store what the form shows, soon; nothing is stored where a value does not fit."""
        if self._closed or self._button.disabled:
            return
        for row in self._draft.rows():
            row.say("")
        unfit = list(self._draft.unfit())
        for row, reason in unfit:
            row.say(reason)
        if unfit:
            self.say("error", "not created")
            return
        self._button.disabled = True
        self.spawn(self._create(self._draft.value()))

    async def _create(self, values: Mapping[str, Any]) -> None:
        try:
            model = self.model_class.model_validate(values, by_name=True)
            with using(self._source):
                await ainsert(model, on_conflict="error")
        except ValidationError as error:
            self._refuse(error)
        except RapyerError as error:
            self.say("error", f"not created: {error}")
        except Exception as error:  # no connection: the form stays as it is, and can be tried again
            self.say("error", f"not created: {one_line(error)}")
        else:
            self.model = model
            self.created.append(model)
            self._head.value = self._header("created")
            self.say("ok", f"{model.key} created {time.strftime('%H:%M:%S')}")
        finally:
            self._button.disabled = False

    def _refuse(self, error: ValidationError) -> None:
        """Show each mistake at its field, those of no field at the end."""
        elsewhere = []
        for item in error.errors(include_url=False, include_context=False):
            rows = [row for row in self._draft.rows() if _begins(item["loc"], row.plan.names)]
            if rows:
                rows[-1].say(item["msg"])
            else:
                place = ".".join(map(str, item["loc"]))
                elsewhere.append(f"{place}: {item['msg']}" if place else item["msg"])
        self.say("error", "; ".join(["not created", *elsewhere]))

    # Showing ------------------------------------------------------------------------------------------------

    def _header(self, state: str) -> str:
        key = "" if self.model is None else str(self.model.key)
        return style.header(f"New {self.model_class.__name__}", key, state)

    def say(self, kind: str, text: str) -> None:
        """Show a message at the end of the form; its place stays when the text goes."""
        self._foot.value = style.message(kind, text, "foot")

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options) or {}
        names = ", ".join(row.plan.name for row in self._draft.rows())
        return {**bundle, "text/plain": f"a form for a new {self.model_class.__name__}: {names}"}

    # Coming and going: there is nothing to follow, for nothing exists yet -----------------------------------

    def follow(self) -> None:
        """Note that a page shows it."""
        self._hidden = False

    def paused(self) -> None:
        """Note that no page shows it."""
        self._hidden = True

    @property
    def is_hidden(self) -> bool:
        """Whether it was shown, and is shown nowhere any more."""
        return self._was_shown and self._hidden


def new(model: type[AtomicRedisModel]) -> ModelCreator:
    """Return a form for a new object of a class, with a button that stores it (script insert: JSON.SET).

    The fields begin with their defaults; mistakes are shown at the fields. What is stored under the key of
    the new object stays. The button can be used again, for another object: `.model` is the last one,
    `.created` are all.

    Args:
        model: The class.

    Raises:
        NotebookError: It is no model class, or no event loop runs.
    """
    given: object = model
    if not (isinstance(given, type) and issubclass(given, AtomicRedisModel)):
        raise NotebookError(f"new() takes a model class, not a {type(given).__name__}", hint="use new(User)")
    try:
        creator = ModelCreator(model)
    except RuntimeError as error:
        if "no running event loop" not in str(error):
            raise
        raise NotebookError("new() needs a running event loop", hint="use it in a notebook's cell") from None
    following.add(creator)
    return creator


def _begins(place: Sequence[Any], names: Sequence[str]) -> bool:
    return tuple(place[: len(names)]) == tuple(names)
