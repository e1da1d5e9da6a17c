"""The model classes of a program, imported by the names that a command line gives."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapyer import AtomicRedisModel, find_redis_models

if TYPE_CHECKING:
    from collections.abc import Sequence


class UnknownModelsError(Exception):
    """A module or a model does not exist; the message is one clear line."""


def import_models(modules: Sequence[str]) -> dict[str, type[Any]]:
    """Import modules and return the model classes that are known then, by their names.

    Args:
        modules: The modules, by their names or files.

    Raises:
        UnknownModelsError: A module cannot be imported, or none defines a model.
    """
    for module in modules:
        _imported(module)
    known: dict[str, type[Any]] = {model.__name__: model for model in find_redis_models()}
    if not known:
        raise UnknownModelsError(f"no model is defined in {', '.join(modules)}")
    return known


def models_named(words: Sequence[str]) -> tuple[type[AtomicRedisModel], ...]:
    """Return the model classes that words name: `shop.models` all of a module, `shop.models:User` one.

    Args:
        words: The words; a module may be a file, too.

    Raises:
        UnknownModelsError: A module cannot be imported, none defines a model, or a class is no model.
    """
    chosen: dict[type[AtomicRedisModel], None] = {}
    for word in words:
        module, colon, name = word.partition(":")
        if colon:
            chosen[_class_in(module, name)] = None
        else:
            chosen |= dict.fromkeys(import_models([module]).values())
    return tuple(chosen)


def one_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())


def _imported(module: str) -> Any:
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does
    try:
        return importlib.import_module(_module_of(module))
    except (Exception, SystemExit) as error:
        raise UnknownModelsError(
            f"cannot import {module}: {type(error).__name__}: {one_line(error)}"
        ) from error


def _class_in(module: str, name: str) -> type[AtomicRedisModel]:
    found = getattr(_imported(module), name, None)
    if isinstance(found, type) and issubclass(found, AtomicRedisModel) and found is not AtomicRedisModel:
        return found
    raise UnknownModelsError(f"{module} has no model {name}")


def _module_of(given: str) -> str:
    """Return a module's name; where a file is given, see to it that it can be imported by that."""
    file = Path(given)
    if file.suffix != ".py" and not file.is_dir():
        return given
    path = file.resolve()
    folder = Path.cwd()
    if not path.is_relative_to(folder):
        folder = path.parent
        while (folder / "__init__.py").exists():
            folder = folder.parent
        sys.path.insert(0, str(folder))
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
