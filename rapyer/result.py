"""What bulk operations report."""

from __future__ import annotations

import warnings

from pydantic import BaseModel, ConfigDict, Field


class DeleteResult(BaseModel):
    """What a bulk delete did.

    Attributes:
        models_deleted: How many instances were really there and are gone; in a pipeline, how many are going
            to be deleted.
        keys_deleted: How many Redis keys went with them.
        was_committed: Whether it is done; False in a pipeline, which does it at its end.
    """

    model_config = ConfigDict(frozen=True)

    models_deleted: int = 0
    keys_deleted: int = 0
    was_committed: bool = True

    @property
    def count(self) -> int:
        """The older name of `models_deleted`; deprecated."""
        warnings.warn("count is deprecated; read models_deleted instead", DeprecationWarning, stacklevel=2)
        return self.models_deleted


class RapyerDeleteResult(DeleteResult):
    """What a bulk delete of instances of several classes did.

    Attributes:
        by_model: How many instances of each class; classes of which none was given are left out.
    """

    by_model: dict[type, int] = Field(default_factory=dict)
