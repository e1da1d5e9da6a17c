"""A model as a table of its fields."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from rapyer.model.schema import spec_of
from rapyer_nb.views.brief import brief, brief_cell, class_name, clipped, fields_of
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel

MOST_FIELDS: Final = 60
_VALUE_LENGTH: Final = 300
_TEXT_LENGTH: Final = 80


@dataclass(frozen=True, repr=False)
class ModelView(View):
    """The fields of a model, with its key; shows local values and never reads Redis.

    Args:
        model: The model.
    """

    model: AtomicRedisModel

    def text(self) -> str:
        """Return `User(key='User:1', name='Ada', …)`, clipped."""
        shown = [f"key={brief(key_of(self.model), _VALUE_LENGTH)}", *self._assignments()]
        return f"{class_name(self.model)}({', '.join(shown)})"

    def body(self) -> Markup:
        """Return a table with a row for each field."""
        fields = list(islice(fields_of(self.model), MOST_FIELDS + 1))
        rows = [self._row(name, value) for name, value in fields[:MOST_FIELDS]]
        more = len(type(self.model).model_fields) - MOST_FIELDS
        if more > 0:
            rows.append(
                element("tr", element("td", f"… {more} more fields", colspan="2", class_="rapyer-faint"))
            )
        key = element("code", clipped(key_of(self.model), _VALUE_LENGTH), class_="rapyer-faint")
        caption = element("caption", class_name(self.model), " ", key)
        return element("table", caption, element("tbody", *rows))

    def _row(self, name: str, value: object) -> Markup:
        spec = spec_of(self.model).fields.get(name)
        marks = []
        if spec is not None and spec.is_key:
            marks.append("key")
        if spec is not None and spec.index is not None:
            marks.append("indexed")
        label = joined(name, " ", element("span", ", ".join(marks), class_="rapyer-faint")) if marks else name
        shown = element("td", brief_cell(value, _VALUE_LENGTH), **_faint_if_empty(value))
        return element("tr", element("th", label, scope="row"), shown)

    def _assignments(self) -> list[str]:
        fields = list(islice(fields_of(self.model), MOST_FIELDS + 1))
        written = [f"{name}={brief(value, _TEXT_LENGTH)}" for name, value in fields[:MOST_FIELDS]]
        return [*written, "…"] if len(fields) > MOST_FIELDS else written


def key_of(model: AtomicRedisModel) -> str:
    """Return a model's Redis key; an empty text where it has none yet."""
    try:
        return str(model.key)
    except Exception:  # a half-made model must be shown as well
        return ""


def _faint_if_empty(value: object) -> dict[str, str]:
    return {"class_": "rapyer-faint"} if value is None else {}
