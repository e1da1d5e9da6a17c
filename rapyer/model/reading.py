"""Reading what lives beside documents: the commands, and how their replies become a part of the document.

The validator gets one JSON text with all in it, so that it makes the instance in one step, and validators of
the class see all fields.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from rapyer.errors import CorruptedModelError, WrongTypeError
from rapyer.model.known import Known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.companions import Companion
    from rapyer.model.state import StoredModel


logger = logging.getLogger("rapyer")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a class's documents, or the parts of one that are an inner model, are read with what lives beside.

    Attributes:
        companions: What lives beside.
        start: How many names lead from the top-level model to the inner one.
    """

    companions: tuple[Companion, ...]
    start: int = 0

    def commands(self, main: str) -> list[Command[Any]]:
        """Return what reads the companions of a model, given its key."""
        reads = (
            one.kind._rapyer_read_companion(one.key(main), optional=one.optional) for one in self.companions
        )
        return [command for command in reads if command is not None]

    def complete(self, main: str, document: bytes, replies: Sequence[Any]) -> tuple[bytes, frozenset[Any]]:
        """Put what was read beside a document into its text.

        Args:
            main: The key of the model.
            document: The JSON text.
            replies: What `commands` gave: decoded replies, or errors.

        Returns:
            The text, and the paths of companions that do not exist although the document has their value:
            another implementation writes optional ones there.

        Raises:
            WrongTypeError: A companion's key holds another Redis type.
            CorruptedModelError: A member of a companion is no text.
        """
        texts = list(self._texts(main, replies))
        if not texts or document[:1] != b"{":
            return document, frozenset()  # what is no object is no model, as the validator will say
        appended = _appended(document, texts) if all(len(one.path) == 1 for one in texts) else None
        return (appended, frozenset()) if appended is not None else self._inserted(document, texts)

    def with_nothing_beside(self, document: bytes) -> bytes:
        """Return the text of a document as `complete` gives it where nothing is beside it."""
        return self.complete("", document, [[] for _ in self.commands("")])[0]

    def note(self, model: StoredModel, main: str, inline: frozenset[Any]) -> None:
        """Let an instance that was just loaded know what the server holds beside its document.

        Args:
            model: The instance.
            main: The key of its top-level model.
            inline: What `complete` returned besides the text.
        """
        known = Known(main)
        for one in self.companions:
            value = one.value_in(model, self.start)
            if value is not None:
                known.note(one.path[self.start :], one.kind._rapyer_members(value))
        known.inline |= inline
        model._rapyer_set_known(known)

    def _texts(self, main: str, replies: Sequence[Any]) -> Iterator[_Text]:
        at = iter(replies)
        for one in self.companions:
            key = one.key(main)
            read = one.kind._rapyer_read_companion(key, optional=one.optional) is not None
            reply = next(at) if read else None
            if isinstance(reply, WrongTypeError):
                raise WrongTypeError(
                    f"{key} holds another Redis type than the {one.kind.__name__} {one.name}",
                    key=main,
                    field=one.name,
                    command=reply.command,
                    hint="delete or rename that key",
                ) from reply
            if isinstance(reply, Exception):
                raise reply
            text = _text_of(one, main, reply)
            yield _Text(one.path[self.start :], text, b"null" if one.nullable else b"[]", one.optional)

    def _inserted(self, document: bytes, texts: Sequence[_Text]) -> tuple[bytes, frozenset[Any]]:
        held, inline = from_json(document), set()
        for one in texts:
            *way, name = one.path
            parent = held
            for step in way:
                parent = parent.get(step) if isinstance(parent, dict) else None
            if not isinstance(parent, dict):
                continue
            if one.text is None and one.optional and parent.get(name) is not None:
                inline.add(one.path)
            else:
                parent[name] = from_json(one.text or one.otherwise)
        return to_json(held), frozenset(inline)


def _text_of(one: Companion, main: str, reply: Any) -> bytes | None:
    """Return the JSON text of a companion; `SafeLoad` leaves out members that are no text at all."""
    try:
        return one.kind._rapyer_document_text(reply)
    except UnicodeDecodeError as error:
        if not one.shape.safe:
            raise CorruptedModelError(
                f"a member of {one.name} stored under {one.key(main)} is no text", key=main, field=one.name
            ) from error
    texts = [member for member in reply if _is_text(member)]
    number = len(reply) - len(texts)
    logger.warning(
        "%s: left out %d of the members of %s, which are no text and stay in Redis", main, number, one.name
    )
    return one.kind._rapyer_document_text(texts)


def _is_text(member: Any) -> bool:
    try:
        return isinstance(member, str) or bool(member.decode())
    except UnicodeDecodeError:
        return False


@dataclass(frozen=True, slots=True)
class _Text:
    """What a document shows the validator of one companion.

    Attributes:
        path: The names that lead to it in the document.
        text: Its JSON text; None where its key does not exist.
        otherwise: The text for that case.
        optional: Whether in that case a value counts that stands in the document.
    """

    path: tuple[str, ...]
    text: bytes | None
    otherwise: bytes
    optional: bool


def _appended(document: bytes, texts: Sequence[_Text]) -> bytes | None:
    """Return the document with fields at its end; None where it may have one of the name already."""
    fields = []
    for one in texts:
        name = to_json(one.path[0])
        if name in document:
            return None
        fields.append(b"%s:%s" % (name, one.text or one.otherwise))
    head = document.rstrip()[:-1]
    return b"%s%s%s}" % (head, b"," if head[1:].strip() else b"", b",".join(fields))
