"""The magics, one class in each module; `MAGICS` is the list that the extension registers.

To add one: derive from `AsyncMagic` in a module of its own, give it a name that begins with `rapyer_`, its
arguments and a coroutine `run`, and put the class under a topic in `topics.py`. The synchronous twin that
IPython calls, the rewriting into an await, the help of `%name?`, its page, what Tab offers and the short
errors come with that.
"""

from rapyer_nb.magics.help import HelpMagic, by_topic
from rapyer_nb.magics.magic import AsyncMagic

MAGICS: tuple[type[AsyncMagic], ...] = (*by_topic(), HelpMagic)

__all__ = ("MAGICS", "AsyncMagic")
