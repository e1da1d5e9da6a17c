"""What bulk operations report."""

from __future__ import annotations

import enum
import warnings
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

T = TypeVar("T")


class DeleteResult(BaseModel):
    """What a bulk delete did.

    Attributes:
        models_deleted: How many instances were really there and are gone; in a pipeline, how many were asked
            for, and in a dry run, how many would go.
        keys_deleted: How many Redis keys went with them, those of their sets and queues as well; in a
            pipeline and in a dry run, how many may.
        models_missing: How many of those asked for were not stored, or did not match any more when it was
            their turn; in a pipeline nobody knows yet, so 0.
        was_committed: Whether it is done; False in a pipeline, which does it at its end, and for a dry run.
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


class UpdateResult(BaseModel):
    """What an update by filters did.

    Attributes:
        matched: How many documents the filters describe.
        updated: How many of them were changed; the others did not match any more when it was their turn, or
            were refused.
        refused: Why documents were left as they are, by their keys: a validator of the whole model refuses
            the values for them, or they could not be read where that was needed.
        was_committed: Whether it is done; False in a pipeline, which does it at its end, and for a dry run.
    """

    model_config = ConfigDict(frozen=True)

    matched: int = 0
    updated: int = 0
    refused: dict[str, str] = Field(default_factory=dict)
    was_committed: bool = True


class RapyerDeleteResult(DeleteResult):
    """What a bulk delete of instances of several classes did.

    Attributes:
        by_model: How many instances of each class; classes of which none was given, nor deleted along
            references, are left out.
    """

    by_model: dict[type, int] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of what a query gives.

    Attributes:
        models: The instances, in their order.
        after: Where the next page starts, to be given to `apage`; None where this is the last one.
        total: How many documents match in all, at this moment.
    """

    models: list[T]
    after: str | None
    total: int


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of a table that was not stored.

    Attributes:
        row: Its number, from 0.
        reason: Why.
        values: What it holds, by column; whatever stood there, if it was no row.
    """

    row: int
    reason: str
    values: Any


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What became of the rows of a table.

    Attributes:
        stored: How many were stored; in a pipeline, how many will be at its end; in a dry run, would be.
        skipped: How many were left out, as something is stored under their keys.
        refused: Those that were not stored, and why; `to_pandas(result.refused)` makes a table of them.
    """

    stored: int
    skipped: int = 0
    refused: tuple[RefusedRow, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no row was refused."""
        return not self.refused


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
