"""What documents, and what lives beside them, held at one moment: kept, compared, and put back."""

from rapyer_nb.snapshots.compare import Change, Difference, compare, value_of
from rapyer_nb.snapshots.restoring import Plan, Restoration, plan_of, put_back, steps_back
from rapyer_nb.snapshots.shelf import Shelf
from rapyer_nb.snapshots.snapshot import Kept, Snapshot, size_of
from rapyer_nb.snapshots.taking import Scope, capture_keys, take

__all__ = (
    "Change",
    "Difference",
    "Kept",
    "Plan",
    "Restoration",
    "Scope",
    "Shelf",
    "Snapshot",
    "capture_keys",
    "compare",
    "plan_of",
    "put_back",
    "size_of",
    "steps_back",
    "take",
    "value_of",
)
