"""Live forms for models, live tables, and logs of changes."""

from rapyer_nb.widgets.creator import ModelCreator, new
from rapyer_nb.widgets.editor import ModelEditor, edit
from rapyer_nb.widgets.following import close_all
from rapyer_nb.widgets.live_log import LiveLog, follow_changes
from rapyer_nb.widgets.live_table import LiveTable, follow_search

__all__ = [
    "LiveLog",
    "LiveTable",
    "ModelCreator",
    "ModelEditor",
    "close_all",
    "edit",
    "follow_changes",
    "follow_search",
    "new",
]
