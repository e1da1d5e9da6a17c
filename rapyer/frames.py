"""Instances and rows as tables of pandas, polars and Arrow; `User.afrom_frame` is the way back."""

from rapyer.result import FrameResult, RefusedRow
from rapyer.search.frames import to_arrow, to_pandas, to_polars

__all__ = ("FrameResult", "RefusedRow", "to_arrow", "to_pandas", "to_polars")
