"""Collections of which a page has all: their text, and whether tags can show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from rapyer.errors import CorruptedModelError
from rapyer_nb.widgets.collections.beside import MembersPlace
from rapyer_nb.widgets.collections.places import DictPlace
from rapyer_nb.widgets.simple import SAFE_INTEGER

if TYPE_CHECKING:
    from rapyer_nb.widgets.collections.page import Entry, Page
    from rapyer_nb.widgets.form import CollectionPlan

_LONG_TAG = 60
"""A longer text is no tag."""


def whole(page: Page, place: Any) -> bytes:
    """Return all of a collection as JSON.GET of its path would give it."""
    if page.state == "null":
        return b"[null]"
    if page.state != "there":
        return b"[]"
    if isinstance(place, MembersPlace):
        return to_json([sorted(entry.name for entry in page.entries)])
    if isinstance(place, DictPlace):
        pairs = (to_json(entry.name) + b":" + (entry.text or b"null") for entry in page.entries)
        return b"[{" + b",".join(pairs) + b"}]"
    return b"[[" + b",".join(entry.text or b"null" for entry in page.entries) + b"]]"


def is_tag(entry: Entry, plan: CollectionPlan) -> bool:
    """Tell whether an entry is short and simple enough for a tag."""
    try:
        value = plan.items.load(entry.text or b"null")
    except (CorruptedModelError, ValueError, TypeError):
        return False
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return 0 < len(value) <= _LONG_TAG and value.isprintable()
    return not isinstance(value, int) or abs(value) <= SAFE_INTEGER
