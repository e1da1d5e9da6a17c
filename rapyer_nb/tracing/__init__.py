"""What a piece of code sends to Redis: each command, its keys, bytes, and how long each round trip took."""

from rapyer_nb.tracing.recorder import tracing
from rapyer_nb.tracing.trace import Sent, Trace, Trip

__all__ = ("Sent", "Trace", "Trip", "tracing")
