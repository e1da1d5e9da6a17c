"""Live forms for models, live tables, browsers, and logs of changes."""

from rapyer_nb.widgets.browser import Browser, show_browser
from rapyer_nb.widgets.counter import Counter, counter
from rapyer_nb.widgets.creator import ModelCreator, new
from rapyer_nb.widgets.editor import ModelEditor, edit
from rapyer_nb.widgets.following import close_all
from rapyer_nb.widgets.live_field import LiveField, field
from rapyer_nb.widgets.live_table import LiveTable, follow_search
from rapyer_nb.widgets.model_list import ModelRow
from rapyer_nb.widgets.paging import Asker, Paging
from rapyer_nb.widgets.table import ModelTable, show_table
from rapyer_nb.widgets.timeline import Timeline, follow_changes, timeline

__all__ = [
    "Asker",
    "Browser",
    "Counter",
    "LiveField",
    "LiveTable",
    "ModelCreator",
    "ModelEditor",
    "ModelRow",
    "ModelTable",
    "Paging",
    "Timeline",
    "close_all",
    "counter",
    "edit",
    "field",
    "follow_changes",
    "follow_search",
    "new",
    "show_browser",
    "show_table",
    "timeline",
]
