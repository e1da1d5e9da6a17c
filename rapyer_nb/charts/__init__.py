"""Charts of fields: values of the stored models, in bins and groups, drawn with matplotlib."""

from rapyer_nb.charts.asking import AGGREGATES, KINDS, ChartQuestion, chart
from rapyer_nb.charts.calendar import EVERY

__all__ = ("AGGREGATES", "EVERY", "KINDS", "ChartQuestion", "chart")
