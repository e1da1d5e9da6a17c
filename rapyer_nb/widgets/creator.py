"""`new(Model)`: a form for an object that does not exist yet, with a button that stores it."""

from __future__ import annotations

import re
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
from rapyer_nb.widgets.control import Session, button, close_tree, line
from rapyer_nb.widgets.draft import Means, draft_of
from rapyer_nb.widgets.editor import ModelEditor, edit
from rapyer_nb.widgets.following import Following, following
from rapyer_nb.widgets.form import fields_in, plan_draft
from rapyer_nb.widgets.notice import Choice, Notice
from rapyer_nb.widgets.page import Page
from rapyer_nb.widgets.requests import checked_wishes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rapyer_nb.widgets.draft import DraftGroup, DraftRow
    from rapyer_nb.widgets.draft_list import Told


class ModelCreator(Following):
    """The form of a new object.

    Attributes:
        model_class: Its class.
        model: What was created last; `None` before.
        created: All that was created with it.
    """

    def __init__(self, model_class: type[AtomicRedisModel], widgets: Mapping[str, Any] | None = None) -> None:
        """Build the form; needs a running event loop.

        Args:
            model_class: The class.
            widgets: The controls that are wanted instead of the usual ones, by the names of their fields.
        """
        self._source = registry.source_for(model_class)
        super().__init__(("new", model_class.__name__, self._source))
        self.model_class = model_class
        self.model: AtomicRedisModel | None = None
        self.created: list[AtomicRedisModel] = []
        self._hidden = False
        self._whole = frozenset(widgets or ())
        fields = fields_in(plan_draft(model_class.model_construct(), whole=self._whole))
        self._wishes = checked_wishes(widgets, fields, f"new(): {model_class.__name__}")
        self._session = Session(self._source, ModelEditor)
        self._draft = self._empty()
        self._editor: ModelEditor | None = None
        self._head = W.HTML(self._header("draft"))
        self._foot = W.HTML(style.message("muted", "", "foot"))
        self._notice = Notice(self.post)
        self._form = W.VBox([self._draft.box()])
        self._beside = W.VBox([])
        self._button = button("Create", f"Store a new {model_class.__name__} in Redis")
        # What was typed may come later than the click: a page sends one change of a text at a time.
        self._button.on_click(lambda _: self.post(lambda: self.mark().then(self.create)))
        self.page = Page(self.post)
        below = [line(self._button), self._notice.widget, self._foot, self._beside]
        self.build([W.HTML(style.STYLE), self._head, self.page, self._form, *below])
        self.add_class("rpy-editor")

    def _empty(self) -> DraftGroup:
        draft = self.model_class.model_construct()
        means = Means(self.post, self._wishes, self._session)
        return draft_of(plan_draft(draft, whole=self._whole), draft, means)

    # What the button does -----------------------------------------------------------------------------------

    def create(self) -> None:
        """Store what the form shows, soon; nothing is stored where a value does not fit."""
        if self._closed or self._button.disabled:
            return
        if self._draft.tell_unfit():
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
            self._notice.say(
                "ok",
                f"{model.key} is stored",
                Choice("Edit it", f"Show the live form of {model.key}", self._edit),
                Choice("Another one", "Begin anew, with the defaults", self._begin_anew),
            )
            self.say("ok", f"{model.key} created {time.strftime('%H:%M:%S')}")
        finally:
            self._button.disabled = False

    def _edit(self) -> None:
        """Show the live form of what was created last, in the place of an earlier one."""
        if self.model is None or (self._editor is not None and self._editor.model is self.model):
            return
        former, self._editor = self._editor, edit(self.model)
        self._beside.children = (self._editor,)
        if former is not None:
            former.close()

    def _begin_anew(self) -> None:
        """Let the fields show the defaults again."""
        former = self._form.children
        self._draft = self._empty()
        self._form.children = (self._draft.box(),)
        for child in former:
            close_tree(child)
        self._head.value = self._header("draft")
        self._notice.say("muted", "")
        self.say("muted", "")

    def _refuse(self, error: ValidationError) -> None:
        """Show each mistake at its field, those of no field at the end."""
        elsewhere = []
        for item in error.errors(include_url=False, include_context=False):
            told = self._told(item["loc"])
            if told is not None:
                told.say(item["msg"])
            else:
                for row in self._named_in(item["msg"]):
                    row.say(item["msg"])
                place = ".".join(map(str, item["loc"]))
                elsewhere.append(f"{place}: {item['msg']}" if place else item["msg"])
        self.say("error", "; ".join(["not created", *elsewhere]))

    def _told(self, place: Sequence[Any]) -> Told | None:
        """Return what shows the messages of a place, or the nearest one around it."""
        found: tuple[int, Told | None] = 0, None
        for way, told in self._draft.placed():
            if way and len(way) >= found[0] and tuple(map(str, place[: len(way)])) == tuple(map(str, way)):
                found = len(way), told
        return found[1]

    def _named_in(self, message: str) -> list[DraftRow]:
        """Return the rows of the fields that a message about the whole model names."""
        words = set(re.findall(r"[\w.]+", message))
        return [row for row in self._draft.rows() if row.plan.name in words]

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


def new(model: type[AtomicRedisModel], *, widgets: Mapping[str, Any] | None = None) -> ModelCreator:
    """Return a form for a new object of a class, with a button that stores it (script insert: JSON.SET).

    The fields begin with their defaults; mistakes are shown at the fields. What is stored under the key of
    the new object stays. The button can be used again, for another object: `.model` is the last one,
    `.created` are all.

    Args:
        model: The class.
        widgets: The controls that are wanted instead of the usual ones, as for `edit`.

    Raises:
        NotebookError: It is no model class, no event loop runs, or there is no such field or control.
    """
    given: object = model
    if not (isinstance(given, type) and issubclass(given, AtomicRedisModel)):
        raise NotebookError(f"new() takes a model class, not a {type(given).__name__}", hint="use new(User)")
    return following.opened("new()", lambda: ModelCreator(model, widgets))
