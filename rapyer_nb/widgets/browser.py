"""`browse()`: the model classes, the objects of one, one object; and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import ipywidgets as W

from rapyer.session.using import using
from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import button, classed, close_tree
from rapyer_nb.widgets.editor import ModelEditor
from rapyer_nb.widgets.following import Following, following
from rapyer_nb.widgets.model_list import ModelList
from rapyer_nb.widgets.paging import Paging
from rapyer_nb.widgets.table import ModelTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.widgets.model_list import Guide


_SHEET: Final = """<style>
.rpy-browser .rpy-trail { align-items: center; flex-wrap: wrap; gap: 2px 4px; overflow: visible;
  margin: 0 0 6px; }
.rpy-browser .rpy-trail > * { width: auto; margin: 0; }
.rpy-browser .rpy-here { font-weight: 600; overflow-wrap: anywhere; }
.rpy-browser.rpy-editor > .rpy-inside { overflow: visible; margin: 0; padding: 0; border: 0; }
.rpy-browser.rpy-editor > .rpy-inside > .rpy-editor { border: 0; padding: 0; margin: 0; width: 100%;
  min-width: 0; }
.rpy-browser.rpy-editor > .rpy-inside > .rpy-editor:not(.rpy-wide) { width: 560px; max-width: 100%; }
</style>"""

Child = TypeVar("Child", bound=Following)


class Browser(Following):
    """The classes of a server; choosing one shows its objects, choosing one of these its form.

    Attributes:
        models: The list of classes.
        table: The objects of the class that was chosen; None while there is none.
        editor: The form of the object that was chosen; None while there is none.
    """

    def __init__(self, source: ClientSource, guide: Guide, page_size: int) -> None:
        """Show the list of classes; needs a running event loop.

        Args:
            source: The server.
            guide: Knows what there is.
            page_size: How many objects are on a page.
        """
        super().__init__((Browser, source))
        self.table: ModelTable | None = None
        self.editor: ModelEditor | None = None
        self._source = source
        self._guide = guide
        self._size = page_size
        self._hidden = False
        self._trail = classed(W.HBox(), "rpy-trail")
        self._inside = classed(W.VBox(), "rpy-inside")
        self._foot = W.HTML(style.message("muted", ""))
        with using(source):
            self.models = self._own(ModelList(source, guide, self.show_class))
        self.build([W.HTML(style.STYLE + _SHEET), self._trail, self._inside, self._foot])
        for name in ("rpy-editor", "rpy-wide", "rpy-browser"):
            self.add_class(name)
        self._show()

    def _own(self, widget: Child) -> Child:
        """Take up a widget, so that none of elsewhere takes its place."""
        widget.place = (*widget.place, id(self))
        following.add(widget)
        return widget

    # Going there and back -----------------------------------------------------------------------------------

    def show_models(self) -> None:
        """Go back to the list of classes."""
        self._leave_object()
        table, self.table = self.table, None
        self._show()
        if table is not None:
            table.close()
        self.models.refresh()

    def show_class(self, model: type[AtomicRedisModel]) -> None:
        """Show the objects of a class."""
        self.show_models()
        with using(self._source):
            asker = self._guide.asker(model)
            paging = Paging(model, None, self._size)
            self.table = self._own(ModelTable(asker, paging, opener=self.show_object))
        self._show()

    def show_object(self, model: AtomicRedisModel) -> None:
        """Show the form of an object."""
        self._leave_object()
        with using(self._source):
            self.editor = self._own(ModelEditor(model))
        self._show()

    def show_objects(self) -> None:
        """Go back to the objects of the class."""
        self._leave_object()
        self._show()

    def _leave_object(self) -> None:
        editor, self.editor = self.editor, None
        if editor is not None:
            self._inside.children = ()
            editor.close()

    def _show(self) -> None:
        steps: list[tuple[str, Any]] = [("Models", self.show_models)]
        if self.table is not None:
            steps.append((self.table.model.__name__, self.show_objects))
        if self.editor is not None:
            steps.append((self.editor.key, None))
        before = self._trail.children
        self._trail.children = self._crumbs(steps) if len(steps) > 1 else ()
        self._inside.children = (self.editor or self.table or self.models,)
        for widget in before:
            close_tree(widget)

    def _crumbs(self, steps: Sequence[tuple[str, Any]]) -> tuple[W.DOMWidget, ...]:
        """Return the way here: a button for each step but the last, which is where we are."""
        crumbs: list[W.DOMWidget] = []
        for text, go in steps[:-1]:
            step = button(text, f"Back to {text}")
            step.on_click(lambda _, go=go: self.post(go))
            crumbs += [step, W.HTML('<span aria-hidden="true">›</span>')]
        here = f'<span class="rpy-here" aria-current="page">{style.safe(steps[-1][0])}</span>'
        return (*crumbs, W.HTML(here))

    # Coming and going: what is inside follows by itself -----------------------------------------------------

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

    def say(self, kind: str, text: str) -> None:
        """Show a message below."""
        self._foot.value = style.message(kind, text)

    def close(self) -> None:
        """Close it, and all that it has opened."""
        if not getattr(self, "_closed", True):
            for widget in (self.editor, self.table, self.models):
                if widget is not None:
                    widget.close()
        super().close()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options) or {}
        shown = self.editor or self.table or self.models
        text = f"the form of {self.editor.key}" if self.editor else shown.text()
        return {**bundle, "text/plain": text}


def show_browser(source: ClientSource, guide: Guide, page_size: int) -> Browser:
    """Return a browser that is closed with the other widgets; see `Browser`.

    Raises:
        NotebookError: No event loop runs.
    """
    return following.opened("browse()", lambda: Browser(source, guide, page_size))
