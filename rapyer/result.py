"""What bulk operations report."""

from __future__ import annotations

import enum
import warnings
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

T = TypeVar("T")


class DeleteResult(BaseModel):
    """What a bulk delete did.

    Attributes:
        models_deleted: How many instances were really there and are gone; in a pipeline, how many were asked
            for.
        keys_deleted: How many Redis keys went with them, those of their sets and queues as well; in a
            pipeline, how many were named.
        models_missing: How many of those asked for were not stored; in a pipeline nobody knows yet, so 0.
        was_committed: Whether it is done; False in a pipeline, which does it at its end.
    """

    model_config = ConfigDict(frozen=True)

    models_deleted: int = 0
    keys_deleted: int = 0
    models_missing: int = 0
    was_committed: bool = True

    @property
    def count(self) -> int:
        """The older name of `models_deleted`; deprecated."""
        warnings.warn("count is deprecated; read models_deleted instead", DeprecationWarning, stacklevel=2)
        return self.models_deleted


class RapyerDeleteResult(DeleteResult):
    """What a bulk delete of instances of several classes did.

    Attributes:
        by_model: How many instances of each class; classes of which none was given, nor deleted along
            references, are left out.
    """

    by_model: dict[type, int] = Field(default_factory=dict)


class GetOrCreateStatus(str, enum.Enum):
    """What getting or creating a model came to."""

    CREATED = "created"
    """Nothing was stored, and now the instance is."""
    FOUND = "found"
    """Something was stored, and stayed as it was."""


class GetOrCreateResult(BaseModel, Generic[T]):
    """What getting or creating a model gave.

    Attributes:
        value: The instance that was given, if it is stored now, else a new one of what was stored.
        status: Which of both it is.
    """

    model_config = ConfigDict(frozen=True)

    value: Annotated[T, SkipValidation]
    status: GetOrCreateStatus

    @property
    def created(self) -> bool:
        """Whether the instance was stored."""
        return self.status is GetOrCreateStatus.CREATED


class CascadeResult(BaseModel):
    """What a time to live that was passed on along references met.

    Attributes:
        dangling_children: How many models were referred to that are not stored.
        dangling_special: How many sets and queues of the models that were reached do not exist; an
            empty one does not.
        mismatched_class: How many references name a model of a class that their field does not allow.
    """

    model_config = ConfigDict(frozen=True)

    dangling_children: int = 0
    dangling_special: int = 0
    mismatched_class: int = 0


class BrokenReference(BaseModel):
    """A reference that leads to nothing that it may name.

    Attributes:
        owner: The key of the model that holds it; empty for one that no model holds.
        field: Where it stands there, as a dotted name.
        target_key: The key that it holds.
        problem: "missing" (nothing is stored there, or what is stored is no model), "wrong class" (the key
            belongs to a class that the reference cannot name), "corrupt" (the document does not fit its
            class) or "unknown target" (the reference does not say what it refers to).
        error: The same in words.
    """

    model_config = ConfigDict(frozen=True)

    owner: str
    field: str
    target_key: str
    problem: Literal["missing", "wrong class", "corrupt", "unknown target"]
    error: str = ""


class FetchResult(BaseModel):
    """What fetching many references gave.

    Attributes:
        resolved: How many references have their target now that had none before.
        loaded: How many documents were read for that.
        depth: How many times something was read: once for each step away from the objects.
        dangling: The references that still have none, and why.
    """

    model_config = ConfigDict(frozen=True)

    resolved: int = 0
    loaded: int = 0
    depth: int = 0
    dangling: tuple[BrokenReference, ...] = ()


class ReferenceReport(BaseModel):
    """What a check of the references of stored instances found.

    Attributes:
        instances: How many instances were looked at.
        references: How many references they hold.
        dangling: How many of these name a model that is not stored.
        mismatched: How many name a model of a class that their field does not allow.
        broken: The first of both, as many as were asked for.
    """

    model_config = ConfigDict(frozen=True)

    instances: int = 0
    references: int = 0
    dangling: int = 0
    mismatched: int = 0
    broken: tuple[BrokenReference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every reference names a stored model of a class that its field allows."""
        return not (self.dangling or self.mismatched)
