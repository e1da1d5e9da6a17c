"""What the Tab key offers in the lines of magics."""

from rapyer_nb.completing.matcher import install, uninstall

__all__ = ("install", "uninstall")
