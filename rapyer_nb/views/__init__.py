"""How models and results look in a notebook: as text and as HTML, without any I/O and without IPython."""

from rapyer_nb.views.model import ModelView
from rapyer_nb.views.note import Note
from rapyer_nb.views.results import ResultList
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View

__all__ = ("ModelView", "Note", "ResultList", "Table", "View")
