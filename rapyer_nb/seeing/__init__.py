"""What there is on a server: its classes, keys and memory, and what changes there."""

from rapyer_nb.seeing.journal import Entry, Journal, seen
from rapyer_nb.seeing.keyspace import FoundKeys, KeyFacts, Wanted, find_keys
from rapyer_nb.seeing.memory import MemoryReport, MemoryUse, memory_of
from rapyer_nb.seeing.overview import ModelFacts, Overview, overview
from rapyer_nb.seeing.servers import NodeInfo, ServerInfo, server_info
from rapyer_nb.seeing.structure import Structure, structure_of
from rapyer_nb.seeing.watching import Follower, Subject, follow

__all__ = (
    "Entry",
    "Follower",
    "FoundKeys",
    "Journal",
    "KeyFacts",
    "MemoryReport",
    "MemoryUse",
    "ModelFacts",
    "NodeInfo",
    "Overview",
    "ServerInfo",
    "Structure",
    "Subject",
    "Wanted",
    "find_keys",
    "follow",
    "memory_of",
    "overview",
    "seen",
    "server_info",
    "structure_of",
)
