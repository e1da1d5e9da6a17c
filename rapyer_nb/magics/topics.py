"""The magics by what they are for; in this order they are registered, listed and described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rapyer_nb.magics.browse import BrowseMagic
from rapyer_nb.magics.connect import ConnectMagic
from rapyer_nb.magics.delete import DeleteMagic
from rapyer_nb.magics.doctor import DoctorMagic
from rapyer_nb.magics.edit import EditMagic
from rapyer_nb.magics.explain import ExplainMagic
from rapyer_nb.magics.find import FindMagic
from rapyer_nb.magics.get import GetMagic
from rapyer_nb.magics.index import IndexMagic
from rapyer_nb.magics.lock import LockMagic
from rapyer_nb.magics.new import NewMagic
from rapyer_nb.magics.pipeline import PipelineMagic
from rapyer_nb.magics.plot import PlotMagic
from rapyer_nb.magics.race import RaceMagic
from rapyer_nb.magics.save import SaveMagic
from rapyer_nb.magics.seeing import InfoMagic, KeysMagic, MemoryMagic, ModelsMagic, SchemaMagic
from rapyer_nb.magics.snapshot import DiffMagic, RestoreMagic, SnapshotMagic
from rapyer_nb.magics.trace import TraceMagic
from rapyer_nb.magics.ttl import TtlMagic
from rapyer_nb.magics.watch import WatchMagic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer_nb.magics.magic import AsyncMagic

TOPICS: Final[Mapping[str, tuple[type[AsyncMagic], ...]]] = {
    "Connections": (ConnectMagic,),
    "Asking": (FindMagic, ExplainMagic, PlotMagic),
    "Many changes together": (PipelineMagic, LockMagic),
    "Single objects": (GetMagic, SaveMagic, DeleteMagic, TtlMagic, EditMagic, NewMagic),
    "What there is": (
        BrowseMagic,
        ModelsMagic,
        SchemaMagic,
        KeysMagic,
        InfoMagic,
        MemoryMagic,
        DoctorMagic,
        IndexMagic,
        WatchMagic,
    ),
    "Learning and safety": (TraceMagic, SnapshotMagic, DiffMagic, RestoreMagic, RaceMagic),
}
