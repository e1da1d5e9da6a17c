"""The magics, one class in each module; `MAGICS` is the list that the extension registers.

To add one: derive from `AsyncMagic` in a module of its own, give it a name that begins with `rapyer_`, its
arguments and a coroutine `run`, and put the class into the list. The synchronous twin that IPython calls,
the rewriting into an await, the help of `%name?` and the short errors come with that.
"""

from rapyer_nb.magics.connect import ConnectMagic
from rapyer_nb.magics.find import FindMagic
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.pipeline import PipelineMagic

MAGICS: tuple[type[AsyncMagic], ...] = (ConnectMagic, FindMagic, PipelineMagic)

__all__ = ("MAGICS", "AsyncMagic")
