"""Writes docs/api.md, the reference of the public API, from the code: `python docs/reference.py`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import rapyer
import rapyer.errors
import rapyer.fields
import rapyer.frames
import rapyer.reducers
import rapyer.types
from rapyer import ActionGroup, AtomicRedisModel, RedisConfig
from rapyer.cascade import CascadeDelete, CascadeTTL
from rapyer.metaclass import OldName, Yielding
from rapyer.search.aggregate import Aggregate
from rapyer.search.drift import IndexStep, ModelIndex
from rapyer.search.explanation import Explanation

PAGE = Path(__file__).parent / "api.md"

_REDUCERS = [name for name in rapyer.reducers.__all__ if name != "Reducer"]
_TABLES = [name for name in rapyer.frames.__all__ if name.startswith("to_")]

_HEAD = """# API reference

Written by `python docs/reference.py` from the docstrings; do not edit.

Methods whose name starts with `a` act on Redis at once, and are queued in a pipeline; others change the local
object, and queue the same change in a pipeline.
"""


def page() -> str:
    """Return the text of the page."""
    models = [*_members(AtomicRedisModel)]
    types = list(dict.fromkeys(getattr(rapyer.types, name) for name in rapyer.types.__all__))
    parts = [
        _HEAD,
        "## Models\n",
        *_class(AtomicRedisModel, "rapyer.AtomicRedisModel", models),
        "## Functions\n",
        *(_entry(name, value) for name, value in _functions()),
        "## Field types\n",
        *(part for cls in types for part in _class(cls, f"rapyer.types.{cls.__name__}", _own_members(cls))),
        "## Markers\n",
        *_class(rapyer.fields.KeyAnnotation, "rapyer.fields.Key", []),
        *_class(rapyer.fields.IndexAnnotation, "rapyer.fields.Index", []),
        *_class(rapyer.fields.FifoTies, "rapyer.fields.FifoTies", []),
        *_class(rapyer.fields.RapyerKey, "rapyer.fields.RapyerKey", []),
        *_class(CascadeTTL, "rapyer.cascade.CascadeTTL", []),
        *_class(CascadeDelete, "rapyer.cascade.CascadeDelete", []),
        "## Aggregates and tables\n",
        *_class(Aggregate, "rapyer.search.aggregate.Aggregate", _members(Aggregate)),
        *(_entry(f"rapyer.reducers.{name}", getattr(rapyer.reducers, name)) for name in _REDUCERS),
        *(_entry(f"rapyer.frames.{name}", getattr(rapyer.frames, name)) for name in _TABLES),
        *_class(rapyer.frames.FrameResult, "rapyer.frames.FrameResult", _members(rapyer.frames.FrameResult)),
        *_class(rapyer.frames.RefusedRow, "rapyer.frames.RefusedRow", []),
        "## Configuration and results\n",
        *_class(RedisConfig, "rapyer.config.RedisConfig", []),
        *_class(ActionGroup, "rapyer.actions.ActionGroup", [("all", ActionGroup.__dict__["all"])]),
        *_class(rapyer.DeleteResult, "rapyer.result.DeleteResult", []),
        *_class(rapyer.UpdateResult, "rapyer.result.UpdateResult", []),
        *_class(Explanation, "rapyer.search.explanation.Explanation", _members(Explanation)),
        *_class(rapyer.RapyerDeleteResult, "rapyer.result.RapyerDeleteResult", []),
        *_class(rapyer.CascadeResult, "rapyer.result.CascadeResult", []),
        *_class(rapyer.FetchResult, "rapyer.result.FetchResult", []),
        *_class(rapyer.ReferenceReport, "rapyer.result.ReferenceReport", []),
        *_class(rapyer.IndexPlan, "rapyer.IndexPlan", _members(rapyer.IndexPlan)),
        *_class(ModelIndex, "rapyer.search.drift.ModelIndex", []),
        *_class(IndexStep, "rapyer.search.drift.IndexStep", []),
        *_class(rapyer.BrokenReference, "rapyer.result.BrokenReference", []),
        *_class(rapyer.Change, "rapyer.Change", []),
        *_class(rapyer.ChangeStream, "rapyer.ChangeStream", _members(rapyer.ChangeStream)),
        "## Errors\n",
        f"{_doc(rapyer.errors)}\n",
        *(_error(getattr(rapyer.errors, name)) for name in rapyer.errors.__all__),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _functions() -> list[tuple[str, Any]]:
    named = [(name, inspect.unwrap(getattr(rapyer, name))) for name in rapyer.__all__]
    return [(f"rapyer.{name}", value) for name, value in named if inspect.isfunction(value)]


def _members(cls: type) -> list[tuple[str, Any]]:
    ours = [base for base in cls.__mro__ if base.__module__.startswith("rapyer.")]
    names = {name for base in ours for name in vars(base)}
    return [(name, inspect.getattr_static(cls, name)) for name in sorted(names) if _is_public(cls, name)]


def _own_members(cls: type) -> list[tuple[str, Any]]:
    if cls is rapyer.types.RedisType:
        return _members(cls)
    shared = dict(_members(rapyer.types.RedisType))
    return [(name, value) for name, value in _members(cls) if shared.get(name) is not value]


def _is_public(cls: type, name: str) -> bool:
    value = inspect.getattr_static(cls, name)
    if name.startswith(("_", "model_")):
        return False
    return isinstance(value, property | classmethod | Yielding | OldName) or inspect.isfunction(value)


def _class(cls: type, title: str, members: list[tuple[str, Any]]) -> list[str]:
    return [f"### {title}\n", f"{_doc(cls)}\n", *(_entry(name, value, level=4) for name, value in members)]


def _entry(name: str, value: Any, level: int = 3) -> str:
    if isinstance(value, Yielding):
        value = value._wrapped
    if isinstance(value, OldName):
        return f"{'#' * level} {name}\n\n{value.__doc__}\n"
    kind = ""
    if isinstance(value, property):
        return f"{'#' * level} {name}\n\n*property* — {_doc(value)}\n"
    if isinstance(value, classmethod):
        value, kind = value.__func__, "*class method* — "
    value = inspect.unwrap(value)
    if name.rpartition(".")[2] != value.__name__:
        return f"{'#' * level} {name}\n\nThe same as `{value.__name__}`.\n"
    prefix = "async " if inspect.iscoroutinefunction(value) else ""
    code = f"```python\n{prefix}def {value.__name__}{_signature(value)}\n```"
    return f"{'#' * level} {name}\n\n{code}\n\n{kind}{_doc(value)}\n"


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [each for name, each in signature.parameters.items() if name not in {"self", "cls"}]
    text = str(signature.replace(parameters=parameters)).replace("'", "")
    return re.sub(r"<object object at 0x[0-9a-f]+>", "...", text)


def _doc(thing: Any) -> str:
    text = inspect.getdoc(thing) or ""
    section = re.compile(r"^(Args|Returns|Raises|Yields|Attributes):\n((?:    .*\n?|\n)*)", re.MULTILINE)
    text = section.sub(lambda match: f"\n**{match[1]}**\n\n{_items(match[2])}\n\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _items(block: str) -> str:
    lines = [line.removeprefix("    ") for line in block.rstrip().splitlines()]
    if not any(re.match(r"\w+: ", line) for line in lines):
        return "\n".join(lines)
    joined = [re.sub(r"^(\w[\w.]*): ", r"- `\1`: ", line) if line[:1] != " " else line for line in lines]
    return "\n".join(joined)


def _error(error: type) -> str:
    return f"- `{error.__name__}`: {(inspect.getdoc(error) or '').splitlines()[0]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
