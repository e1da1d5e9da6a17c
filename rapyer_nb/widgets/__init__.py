"""Live forms for models."""

from rapyer_nb.widgets.editor import ModelEditor, close_all, edit

__all__ = ["ModelEditor", "close_all", "edit"]
