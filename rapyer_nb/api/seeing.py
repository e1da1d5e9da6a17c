"""Looking around as plain Python: `models`, `schema`, `keys`, `info`, `memory`, `index`, `diagnose`, …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from rapyer.model.registry import registry
from rapyer_nb.magics import doctor as examining
from rapyer_nb.magics import index as indexes
from rapyer_nb.magics import seeing as looking
from rapyer_nb.magics import watch as watching
from rapyer_nb.magics.models import check_classes
from rapyer_nb.seeing import Subject, Wanted, server_info, structure_of
from rapyer_nb.sources import NotebookSource

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer_nb.doctor import Report
    from rapyer_nb.seeing import FoundKeys, Journal, MemoryReport, Overview, ServerInfo, Structure
    from rapyer_nb.views.index_plan import IndexPlanView, IndexWork
    from rapyer_nb.widgets import Timeline


async def models(*classes: type[AtomicRedisModel]) -> Overview:
    """Look at model classes; `%rapyer_models` in Python.

    Sends FT.INFO and FT._LIST, and SCAN for classes without an index that is up to date; makes no index.

    Args:
        classes: The classes; all that are known if there are none.

    Returns:
        What is known of each: how many documents it has, its index, its time to live, its keys.
    """
    check_classes(*classes)
    return await looking.models(*classes)


def schema(model: type[AtomicRedisModel]) -> Structure:
    """Look what a model class is made of; `%rapyer_schema` in Python. Nothing is sent.

    Args:
        model: The class.

    Returns:
        Its fields, with where they are stored and how they are indexed, and `diagram`, what it refers to.
    """
    check_classes(model)
    return structure_of(model)


async def keys(pattern: str | type[AtomicRedisModel] = "*", *, limit: int | None = None) -> FoundKeys:
    """Find keys and look at them; `%rapyer_keys` in Python.

    Sends DBSIZE and SCAN, and for each key TYPE, PTTL and MEMORY USAGE in a script; reads no value.

    Args:
        pattern: A glob such as "User:*", or a class, for its documents and what lives beside them.
        limit: How many keys are enough; None for all.

    Returns:
        The keys, each with its type, class, time to live in seconds, and size in bytes.

    Raises:
        NotebookError: The limit is no positive whole number.
    """
    if isinstance(pattern, type):
        check_classes(pattern)
    return await looking.keys(Wanted.of(pattern, registry.source_in_use), limit)


async def info() -> ServerInfo:
    """Ask the server in use about itself; `%rapyer_info` in Python (INFO, MODULE LIST, DBSIZE).

    Returns:
        What each server says: `nodes`, and `warnings` of what could do harm.
    """
    source = registry.source_in_use
    return await server_info(source, source.origin if isinstance(source, NotebookSource) else "")


async def memory(*classes: type[AtomicRedisModel], sample: int | None = None) -> MemoryReport:
    """Measure what memory the documents of classes take; `%rapyer_memory` in Python.

    Sends DBSIZE and SCAN, for each key TYPE, PTTL and MEMORY USAGE in a script, and FT.INFO for the indexes.

    Args:
        classes: The classes; all that are known, and other keys, if there are none.
        sample: How many keys of each class are measured at most, the rest being estimated; None for all.

    Returns:
        What each class takes, in bytes, the most first.

    Raises:
        NotebookError: The sample is no positive whole number.
    """
    check_classes(*classes)
    return await looking.memory(registry.source_in_use, *classes, sample=sample)


async def diagnose(*classes: type[AtomicRedisModel], sample: int | None = None) -> Report:
    """Look at all that the toolkit needs, and what to do about it; `%rapyer_doctor` in Python.

    It reads only: INFO, COMMAND INFO, CONFIG GET, TIME; FT._LIST and FT.INFO; SCAN, TYPE, PTTL and JSON.MGET;
    and to learn what the user may do, commands on keys that do not exist.

    Args:
        classes: The classes whose documents and indexes are looked at; all that are known if there are none.
        sample: How many documents of each class are looked at at the most; None for a thousand.

    Returns:
        The findings, in sections: `is_broken`, `of("warning")`, `json()`.

    Raises:
        NotebookError: The sample is no positive whole number.
    """
    check_classes(*classes)
    return await examining.diagnose(*classes, sample=sample)


@overload
async def index(work: Literal["plan"], *models: type[AtomicRedisModel]) -> IndexPlanView: ...


@overload
async def index(
    work: Literal["apply"], *models: type[AtomicRedisModel], keep_old: bool = False
) -> IndexWork: ...


@overload
async def index(
    work: Literal["drop"], *models: type[AtomicRedisModel], everything: bool = False
) -> IndexWork: ...


async def index(
    work: Literal["plan", "apply", "drop"],
    *models: type[AtomicRedisModel],
    keep_old: bool = False,
    everything: bool = False,
) -> IndexPlanView | IndexWork:
    """Compare indexes with what classes declare, or change them; `%rapyer_index` in Python, unasked.

    Sends FT.INFO and FT._LIST, and to change them FT.CREATE, FT.ALIASADD, FT.ALIASUPDATE, FT.DROPINDEX. No
    document is touched.

    Args:
        work: "plan" to look, "apply" to do what is to be done, "drop" to drop what no class declares.
        models: The classes; all that are known if there are none.
        keep_old: With "apply", only to build new indexes, and to drop none.
        everything: With "drop", to drop the indexes that the classes declare, too.

    Returns:
        What is to be done, or what was done.

    Raises:
        NotebookError: The work is none of these, or an option means nothing with it; nothing is changed.
        MissingModuleError: The server lacks the search module.
        UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
    """
    check_classes(*models)
    return await indexes.index(work, *models, keep_old=keep_old, everything=everything)


@overload
async def watch(*watched: Any, seconds: float) -> Journal: ...


@overload
async def watch(*watched: Any, seconds: None = None) -> Timeline: ...


async def watch(*watched: Any, seconds: float | None = None) -> Journal | Timeline:
    """Log what changes in Redis, whoever does it; `%rapyer_watch` in Python.

    Listens by CLIENT TRACKING, or keyspace notifications, else looks at intervals. Reads documents, with what
    lives beside them, at first and when they have changed (SCAN; JSON.GET, SMEMBERS, ZRANGE, in scripts).

    Args:
        watched: Classes, instances and keys.
        seconds: How long to watch; without it, a widget goes on until it is closed.

    Returns:
        The log: entries with `at` and `change`; or the widget, whose `journal` it is.

    Raises:
        NotebookError: Nothing is given to be watched, or the seconds are no positive number.
        InvalidKeyError: A text is no full key.
        RapyerModelDoesntExistError: No class is known for a key.
    """
    check_classes(*(one for one in watched if isinstance(one, type)))
    subject = Subject.of(watched)
    return await (watching.live(subject) if seconds is None else watching.watch(subject, seconds))
