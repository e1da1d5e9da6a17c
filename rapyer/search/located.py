"""A field of a class together with where its values stand in documents, to be read without the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapyer.types.zones import path_with_zone

if TYPE_CHECKING:
    from rapyer.codec.paths import JsonPath
    from rapyer.model.schema import FieldSpec
    from rapyer.search.places import Place


@dataclass(frozen=True)
class Located:
    """A field whose values are read.

    Attributes:
        field: What is known of the field.
        place: Where its values stand.
        noted: The path of the object that has the value, where a note beside it tells more (`types.zones`).
    """

    field: FieldSpec
    place: Place
    noted: JsonPath | None = None

    @property
    def asked(self) -> JsonPath:
        """The path to read, of the value with its note where there may be one."""
        return self.place.path if self.noted is None else path_with_zone(self.noted, self.field.name)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.field.model}.{self.field.name}"
