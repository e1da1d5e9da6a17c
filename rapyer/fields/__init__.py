"""Markers that a model's annotations carry."""

from rapyer.fields.cascade import CascadeDelete, CascadeTTL
from rapyer.fields.fifo_ties import FifoTies
from rapyer.fields.index import Index, IndexAnnotation
from rapyer.fields.key import Key, KeyAnnotation, RapyerKey
from rapyer.fields.safe_load import SafeLoad, SafeLoadAnnotation

__all__ = (
    "CascadeDelete",
    "CascadeTTL",
    "FifoTies",
    "Index",
    "IndexAnnotation",
    "Key",
    "KeyAnnotation",
    "RapyerKey",
    "SafeLoad",
    "SafeLoadAnnotation",
)
