"""`%rapyer_models`, `%rapyer_schema`, `%rapyer_keys`, `%rapyer_info`, `%rapyer_memory`: what there is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rapyer import find_redis_models
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.arguments import amount, check_number, plain
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import model_class
from rapyer_nb.magics.targets import class_named
from rapyer_nb.progress import progress
from rapyer_nb.seeing import (
    FoundKeys,
    MemoryReport,
    Overview,
    ServerInfo,
    Structure,
    Wanted,
    find_keys,
    memory_of,
    overview,
    server_info,
    structure_of,
)
from rapyer_nb.sources import NotebookSource

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call


class ModelsMagic(AsyncMagic):
    """Show the model classes: how many documents each has, its index, its time to live, its keys.

    Documents are counted by the index where there is one that is up to date, else by a look at all keys. No
    document is read, and no index is made. Python: `await rapyer_nb.models()`.

    Examples::

        %rapyer_models
        %rapyer_models User Team
        there = %rapyer_models
        there["User"].documents
    """

    name = "rapyer_models"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        _add_models(arguments)

    async def run(self, call: Call) -> Overview:
        """Look at the classes."""
        __tracebackhide__ = True
        return await models(*given_classes(call))


class SchemaMagic(AsyncMagic):
    """Show what a model class is made of: its fields, where they are stored, how they are indexed.

    Fields of inner models stand below their own. What the class refers to, and what these classes do, is
    drawn below; `.diagram.mermaid` is the same as text for Mermaid. Nothing is sent.
    Python: `rapyer_nb.schema(User)`.

    Examples::

        %rapyer_schema User
        made = %rapyer_schema User
        print(made.diagram.mermaid)
    """

    name = "rapyer_schema"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument("model", metavar="MODEL", help="the model class")

    async def run(self, call: Call) -> Structure:
        """Look at the class."""
        __tracebackhide__ = True
        return structure_of(model_class(call.options.model, call.variables))


class KeysMagic(AsyncMagic):
    """Show keys: their types, the classes that they belong to, how long they have left, what they take.

    The pattern is a glob, such as `User:*`; the name of a model class stands for its keys. No value is read.
    The search ends when there are enough keys, as many as are shown without `--limit`.
    Python: `await rapyer_nb.keys("User:*")`.

    Examples::

        %rapyer_keys
        %rapyer_keys User
        %rapyer_keys session:* --limit 100
        everything = %rapyer_keys * --all
    """

    name = "rapyer_keys"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "pattern", metavar="PATTERN", nargs="?", default="*", help="a glob, or the name of a model class"
        )
        arguments.add_argument("--limit", type=amount, metavar="N", help="find at most N keys")
        arguments.add_argument("--all", action="store_true", help="find all keys that match")

    async def run(self, call: Call) -> FoundKeys:
        """Find keys, and look at them."""
        __tracebackhide__ = True
        options = call.options
        if options.all and options.limit:
            raise NotebookError("%rapyer_keys: --all and --limit exclude each other", hint="leave one out")
        limit = None if options.all else options.limit or call.display_limit
        found = await keys(pattern_of(options.pattern, call), limit)
        return replace(found, display_limit=max(call.display_limit, options.limit or 0))


class InfoMagic(AsyncMagic):
    """Show what the server says of itself, and what runs here.

    That is its version and modules, its memory and what becomes of keys when that is full, how many keys and
    clients there are, what is on disk, and on a cluster all that of each primary. What could do harm is said
    below. Python: `await rapyer_nb.info()`.

    Examples::

        %rapyer_info
        %rapyer_info --alias staging
        there = %rapyer_info
        there.nodes[0].fields["used_memory"]
    """

    name = "rapyer_info"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments: there are none."""

    async def run(self, call: Call) -> ServerInfo:
        """Ask the server."""
        __tracebackhide__ = True
        source = call.surroundings.state.source
        return await server_info(source, source.origin if isinstance(source, NotebookSource) else "")


class MemoryMagic(AsyncMagic):
    """Measure what memory the documents of each class take, with what lives beside them, and their indexes.

    All keys are measured; where there are very many, `--sample N` measures N of each class and estimates the
    rest. No value is read. Python: `await rapyer_nb.memory()`.

    Examples::

        %rapyer_memory
        %rapyer_memory User --sample 1000
        used = %rapyer_memory
        used["User"].bytes
    """

    name = "rapyer_memory"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        _add_models(arguments)
        arguments.add_argument(
            "--sample", type=amount, metavar="N", help="measure at most N keys of each class"
        )

    async def run(self, call: Call) -> MemoryReport:
        """Measure."""
        __tracebackhide__ = True
        return await memory(call.surroundings.state.source, *given_classes(call), sample=call.options.sample)


async def models(*classes: type[AtomicRedisModel]) -> Overview:
    """Look at classes, all that are known if none is given (FT.INFO, FT._LIST; SCAN without an index)."""
    __tracebackhide__ = True
    async with progress(None, "looking at models", unit="models") as bar:
        return await overview(classes or find_redis_models(), bar.reach)


async def keys(wanted: Wanted, limit: int | None) -> FoundKeys:
    """Find keys, and look at them (DBSIZE, SCAN; TYPE, PTTL and MEMORY USAGE of each, in a script).

    Args:
        wanted: Which keys.
        limit: How many are enough; `None` for all.

    Raises:
        NotebookError: The limit is no positive whole number.
    """
    __tracebackhide__ = True
    check_number("limit", limit)
    async with progress(None, "looking for keys", unit="keys") as bar:
        return await find_keys(wanted, limit, bar.reach)


async def memory(
    source: ClientSource, *classes: type[AtomicRedisModel], sample: int | None = None
) -> MemoryReport:
    """Measure what the keys of classes take on a server, of all that are known if none is given.

    Sends DBSIZE and SCAN; TYPE, PTTL and MEMORY USAGE of each key in a script; FT.INFO for the indexes.

    Args:
        source: The server.
        classes: The classes.
        sample: How many keys of each are measured at most, the rest being estimated; `None` for all.

    Raises:
        NotebookError: The sample is no positive whole number.
    """
    __tracebackhide__ = True
    check_number("sample", sample)
    async with progress(None, "measuring", unit="keys") as bar:
        return await memory_of(source, classes, known=find_redis_models(), sample=sample, told=bar.reach)


def given_classes(call: Call) -> list[type[AtomicRedisModel]]:
    """Return the classes that a line names.

    Raises:
        NotebookError: A name is unknown or holds something else.
    """
    return [model_class(name, call.variables) for name in call.options.models]


def pattern_of(word: str, call: Call) -> Wanted:
    """Return what a word stands for: the keys of the class of that name, else those that match the glob."""
    model = class_named(word, call.variables)
    return Wanted.of(model or plain(word, call.variables), call.surroundings.state.source)


def _add_models(arguments: MagicLine) -> None:
    arguments.add_argument(
        "models", metavar="MODELS", nargs="*", default=[], help="model classes; all that are known without"
    )
