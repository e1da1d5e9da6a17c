"""Markers that a model's annotations carry."""

from rapyer.fields.index import Index, IndexAnnotation
from rapyer.fields.key import Key, KeyAnnotation, RapyerKey

__all__ = ("Index", "IndexAnnotation", "Key", "KeyAnnotation", "RapyerKey")
