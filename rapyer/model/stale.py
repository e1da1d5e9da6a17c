"""Saving without harm to what others have written meanwhile: a check before the save, and a save in part."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from rapyer.codec.paths import addressable
from rapyer.commands import json
from rapyer.errors import ConfigError, InnerModelError, KeyNotFound, PipelineOpenError, StaleModelError
from rapyer.model.beside import changes, part_of
from rapyer.model.expiry import renewal_of_stored
from rapyer.model.identity import set_loaded
from rapyer.model.persist import document_to_store, note_saved, send
from rapyer.model.registry import registry
from rapyer.model.remembered import Remembered, changed, merged, remembered, removed
from rapyer.session.executor import run
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel

_ULPS = 4
"""By how many units in the last place the server may read a float differently than it was sent."""


async def save_with_care(model: StoredModel, *, if_unchanged: bool, only_changed: bool) -> None:
    """Save an instance, going by what it remembers of its document.

    Args:
        model: The instance.
        if_unchanged: Whether to write only if the stored document is still the remembered one.
        only_changed: Whether to write only what the instance has changed.

    Raises:
        ConfigError: Its class does not let instances remember.
        InnerModelError: It lives inside another model.
        StaleModelError: The document has changed meanwhile, or the instance knows none.
        KeyNotFound: The document is gone.
        PipelineOpenError: The check was asked for in a pipeline.
    """
    option = "if_unchanged" if if_unchanged else "only_changed"
    known = _known(model, option)
    batch = open_batch()
    if batch is not None:
        if if_unchanged:
            raise PipelineOpenError(
                "if_unchanged=True needs the server's answer, which a pipeline has only at its end",
                key=known.key,
                hint="save before the pipeline, or lock the model",
            )
        batch.remember(model)
    text = document_to_store(model)
    if only_changed:
        now: dict[str, Any] = from_json(text)
        # In a pipeline what its block has changed is queued already.
        unsaved = now.keys() if batch is None else batch.unsaved(model)
        names = changed(type(model), known.text, now)
        written = {name: now[name] for name in names if name in unsaved}
        gone = removed(type(model), known.text, now)
        text = merged(known.text, written, gone)
        if if_unchanged:
            await _write_if_unchanged(model, known, _paths(model, text, written, gone))
        else:
            await _write_changes(model, known.key, written, gone)
    else:
        await _write_if_unchanged(model, known, [(str(model._rapyer_path()), text)])
    model._rapyer_mark_stored()
    note_saved(model)
    if batch is None:
        set_loaded(model, Remembered(known.key, text))


def _known(model: StoredModel, option: str) -> Remembered:
    name, key = type(model).__name__, model._rapyer_key()
    if model._rapyer_is_inner():
        raise InnerModelError(
            f"{key} {model._rapyer_path()} is an inner model, which {option}=True does not know",
            key=key,
            field=model.field_path,
            hint="save the model that holds it, or without that option",
        )
    if not model.Meta.remember_loaded:
        raise ConfigError(
            f"{name}.asave({option}=True) needs the option remember_loaded of {name}.Meta",
            model=name,
            hint="set Meta = RedisConfig(remember_loaded=True)",
        )
    known = remembered(model)
    if known is None:
        raise StaleModelError(
            f"this {name} was neither loaded from {key} nor saved there, "
            f"so {option}=True has nothing to go by",
            key=key,
            model=name,
            hint="load it first (aget, aload), or save it without that option",
        )
    return known


async def _write_changes(model: StoredModel, key: str, written: dict[str, Any], gone: list[str]) -> None:
    path = model._rapyer_path()
    commands: list[Command[Any]] = [
        json.set_member(key, path, name, to_json(value)) for name, value in written.items()
    ]
    commands += [json.delete_member(key, path, name) for name in gone]
    commands += changes(part_of(model))
    renewal = renewal_of_stored([model])
    if renewal and not commands:
        first, *others = renewal
        await send(model, [replace(first, must_exist=True)], others)
    elif commands:
        await send(model, commands, renewal)


def _paths(
    model: StoredModel, text: bytes, written: dict[str, Any], gone: list[str]
) -> list[tuple[str, bytes]]:
    path = model._rapyer_path()
    if not all(map(addressable, (*written, *gone))):
        return [(str(path), text)]  # some have no path; the rest of the document is the remembered one
    writes = [(str(path.child(name)), to_json(value)) for name, value in written.items()]
    return writes + [(str(path.child(name)), b"") for name in gone]


async def _write_if_unchanged(model: StoredModel, known: Remembered, writes: list[tuple[str, bytes]]) -> None:
    expected = known.text
    while True:
        command = json.save_if(known.key, expected, writes, ttl=registry.ttl_of(type(model)))
        result = await run(model._rapyer_source(), command)
        if result.status == "written":
            if model.__rapyer_spec__.companions:
                await send(model, changes(part_of(model)), renewal_of_stored([model]))
            return
        # The server may print the same document in other words than it was sent: members have no order there,
        # and floats may come back rounded. What it prints is compared byte for byte at the next attempt.
        found = result.current
        if found is None:
            raise KeyNotFound(
                f"{known.key} was deleted since it was loaded; nothing was written",
                key=known.key,
                model=type(model).__name__,
                hint="save it without if_unchanged to store it again",
            )
        differing = _differences(from_json(known.text), from_json(found))
        if differing:
            raise _stale(model, known.key, differing)
        expected = found


def _stale(model: StoredModel, key: str, fields: list[str]) -> StaleModelError:
    return StaleModelError(
        f"{key} has changed since it was loaded: {', '.join(fields)}; nothing was written",
        fields=tuple(fields),
        key=key,
        model=type(model).__name__,
        hint="load it again (aload) and repeat the change",
    )


def _differences(before: Any, found: Any) -> list[str]:
    if not isinstance(found, dict):
        return list(before)
    names = {**before, **found}
    return [
        name
        for name in names
        if name not in before or name not in found or not _same(before[name], found[name])
    ]


def _same(sent: Any, found: Any) -> bool:
    """Tell whether a value is what the server makes of the one that was sent, or that it printed before."""
    if isinstance(sent, dict) and isinstance(found, dict):
        return sent.keys() == found.keys() and all(_same(value, found[name]) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(found, list):
        return len(sent) == len(found) and all(map(_same, sent, found))
    if isinstance(found, float) and isinstance(sent, float | int) and not isinstance(sent, bool):
        # Integers beyond 64 bits become floats there.
        if isinstance(sent, int) and -(2**63) <= sent < 2**64:
            return False
        return abs(sent - found) <= _ULPS * math.ulp(found)
    return type(sent) is type(found) and bool(sent == found)
