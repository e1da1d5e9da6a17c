"""What an instance remembers of its stored document, for `Meta.remember_loaded`.

It is the document's text as it was loaded, or as the instance wrote it. Operations of the instance's own keep
it up to date: what they change of a value is taken over, if the value had no local changes before that Redis
does not know. So whatever differs from it is a local change, or somebody else's.
"""

from __future__ import annotations

from contextlib import nullcontext
from json import dumps
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from rapyer.codec import adapters
from rapyer.codec.context import STORED
from rapyer.errors import RapyerError
from rapyer.model.beside import part_of
from rapyer.model.identity import set_loaded
from rapyer.model.persist import dump_document
from rapyer.model.reading import Reading
from rapyer.session.scope import open_batch
from rapyer.types import zones
from rapyer.types.followed import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel


_WHOLE = {"JSON.SET", "JSON.DEL"}
"""The commands that may write, or remove, a document as a whole."""


class Remembered(NamedTuple):
    """The document that an instance was loaded from, or that it wrote.

    Attributes:
        key: The key that it is stored under; an instance that stands for another one remembers nothing.
        text: Its JSON text.
    """

    key: str
    text: bytes


def remember(model: StoredModel, text: bytes) -> None:
    """Remember the text of a document that an instance was loaded from, or was stored as."""
    if model.Meta.remember_loaded:
        set_loaded(model, Remembered(str(model._rapyer_key()), text))


def remember_writes(model: StoredModel, commands: Iterable[Command[Any]]) -> None:
    """Remember what was written or removed, by the commands (JSON.SET, JSON.DEL) that did at each path."""
    known = remembered(model)
    if known is None:
        return
    path, spec = model._rapyer_path(), model.__rapyer_spec__
    names = {str(path.child(name)): name for name in (*spec.fields, *spec.notes.values())}
    written: dict[str, Any] = {}
    gone: list[str] = []
    for command in commands:
        name = names.get(command.place)
        if name is not None and command.name == "JSON.DEL":
            gone.append(name)
        elif name is not None:
            written[name] = from_json(_text(command))
    set_loaded(model, Remembered(known.key, merged(known.text, written, gone)))


def remembered(model: StoredModel) -> Remembered | None:
    """Return what an instance remembers of the document that it stands for."""
    known: Remembered | None = getattr(model, "_rapyer_loaded", None)
    return known if known is not None and known.key == model._rapyer_key() else None


def changed(cls: type[StoredModel], text: bytes, now: Mapping[str, Any]) -> list[str]:
    """Return which members differ from the remembered text.

    The stored form of a value may be another than the class writes (an older one, or another program's); that
    is no change.

    Args:
        cls: The class of the instance.
        text: What it remembers.
        now: Present members, in the form that the class writes.
    """
    before = from_json(text)
    differing = [name for name, value in now.items() if not _equal(before, name, value)]
    as_written = _rewritten(cls, text) if differing else {}
    return [name for name in differing if not _equal(as_written, name, now[name])]


def removed(cls: type[StoredModel], text: bytes, now: Mapping[str, Any]) -> list[str]:
    """Return which members of the remembered text, of those that the class knows, there are no more."""
    missing = from_json(text).keys() - now.keys()
    return sorted(missing & _rewritten(cls, text).keys()) if missing else []


def merged(text: bytes, written: Mapping[str, Any], gone: Iterable[str] = ()) -> bytes:
    """Return the text of a document with some members set, and others taken out."""
    document = from_json(text)
    document.update(written)
    for name in gone:
        document.pop(name, None)
    return to_json(document)


class Following:
    """Watches an instance from before a change until that is stored, and lets it remember the change then.

    As a context manager it stands for one operation.

    Args:
        model: The instance, a top-level one.
        only: The field that alone may change; None for all.
        whole: Whether the operation stores or loads the field as a whole, local changes included.
    """

    def __init__(self, model: StoredModel, only: str | None = None, *, whole: bool = False) -> None:
        self._model = model
        self._only = only
        self._whole = whole
        self._before = self.present()
        known = remembered(model)
        self.unsaved = set(self._before if known is None else changed(type(model), known.text, self._before))

    def __enter__(self) -> None:
        """Begin with what the instance holds now."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Remember what the operation did, unless the open pipeline will."""
        batch = open_batch()
        if batch is not None and batch.follows(self._model):
            return
        if self._whole and kind is None and batch is None:
            self.unsaved.clear()
            self._before.clear()
        self.stored(self.present())

    def ahead_of(self, commands: Iterable[Command[Any]]) -> Callable[[], None]:
        """Return what lets the instance remember its present state, once the commands have run."""
        now, path = self.present(), self._model._rapyer_path()
        names = {str(path.child(name)): name for name in now}
        whole = False
        for command in commands:
            if str(self._model._rapyer_key()) not in command.keys:
                continue
            if command.name in {"JSON.MSET", "DEL"} or (command.place == path and command.name in _WHOLE):
                whole = command.name in {"JSON.MSET", "JSON.SET"}
            elif command.name == "JSON.SET" and command.place in names:
                self.unsaved.discard(names[command.place])
                self._before.pop(names[command.place], None)
        text = to_json(now)
        return lambda: remember(self._model, text) if whole else self.stored(now)

    def stored(self, now: Mapping[str, Any]) -> None:
        """Let the instance remember what has changed since the beginning, now that it is stored."""
        known = remembered(self._model)
        if known is None:
            return
        written = {
            name: value
            for name, value in now.items()
            if name not in self.unsaved and not _equal(self._before, name, value)
        }
        gone = [name for name in self._before if name not in now and name not in self.unsaved]
        notes = self._model.__rapyer_spec__.notes.items()
        gone += [note for name, note in notes if name in now.keys() - self.unsaved and note not in now]
        if written or gone:
            set_loaded(self._model, Remembered(known.key, merged(known.text, written, gone)))

    def present(self) -> dict[str, Any]:
        """Return what the instance holds now, in its stored form."""
        if self._only is None:
            document: dict[str, Any] = from_json(dump_document(self._model))
            return document
        field, part = self._model.__rapyer_spec__.fields[self._only], part_of(self._model, self._only)
        if field.special is not None and part.companions:
            return {}  # it is not in the document
        value = self._model.__dict__[self._only]
        present = {self._only: from_json(field.dump_stored(value, part.outside))}
        note = zones.beside(value) if self._only in self._model.__rapyer_spec__.notes and value else None
        return present if note is None else present | {self._only + zones.BESIDE: note}


def follow(model: StoredModel) -> Following | None:
    """Return what watches an instance, or the field of the outermost model that an inner one lives in."""
    root, name, _ = place_of(model)
    return Following(root or model, name) if remembered(root or model) is not None else None


_NOTHING = nullcontext()


def following(model: StoredModel, only: str | None, *, whole: bool = False) -> AbstractContextManager[None]:
    """Return what is to surround an operation that changes a field, both in Redis and in the instance."""
    if remembered(model) is None:
        return _NOTHING
    batch = open_batch()
    if batch is not None and batch.follows(model):
        return _NOTHING  # the pipeline follows it already
    if only is not None and not model.__rapyer_spec__.fields[only].stored:
        return _NOTHING
    return Following(model, only, whole=whole)


def _text(command: Command[Any]) -> bytes:
    text = command.args[1]
    return text if isinstance(text, bytes) else str(text).encode()


def _equal(document: Mapping[str, Any], name: str, value: Any) -> bool:
    # As text, because True is no 1 and 1 no 1.0; objects have no order.
    return name in document and dumps(document[name], sort_keys=True) == dumps(value, sort_keys=True)


def _rewritten(cls: type[StoredModel], text: bytes) -> dict[str, Any]:
    companions = cls.__rapyer_spec__.companions
    try:
        if companions:
            text = Reading(companions).with_nothing_beside(text)
        document: dict[str, Any] = from_json(dump_document(_read(cls, text)))
    except RapyerError:
        return {}  # the class reads it no more, so all of it differs
    return document


def _read(cls: type[StoredModel], text: bytes) -> StoredModel:
    validator = cls.__pydantic_validator__
    try:
        model: StoredModel = validator.validate_json(text, context=STORED, by_alias=False, by_name=True)
    except ValidationError:
        model, context = adapters.load_tolerantly(validator, text, cls.__name__)
        model._rapyer_attach(from_json(text), context)
    return model
