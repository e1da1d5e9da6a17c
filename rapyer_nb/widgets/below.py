"""The form of one object below the table that it was opened from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as W

from rapyer.session.using import using
from rapyer_nb.widgets.control import classed
from rapyer_nb.widgets.editor import ModelEditor
from rapyer_nb.widgets.following import following

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource


class Below:
    """A place for one form; empty at first.

    Attributes:
        widget: What stands below the table.
        editor: The form; None while there is none.
    """

    def __init__(self) -> None:
        self.widget = classed(W.VBox(), "rpy-below")
        self.editor: ModelEditor | None = None

    def show(self, model: AtomicRedisModel, source: ClientSource) -> None:
        """Show an object in a form, in place of the one before, which is closed."""
        former = self.editor
        with using(source):
            self.editor = ModelEditor(model)
        self.editor.place = (*self.editor.place, id(self))  # no form of elsewhere takes its place
        following.add(self.editor)
        self.widget.children = (self.editor,)
        if former is not None:
            former.close()
