"""Notes which public operations the tests of this folder call on real objects, with a real Redis behind them.

Every operation is replaced by one that does the same and takes a note, if the call comes from a line of a
test (calls inside the library do not count) while a test runs that asked for a Redis.
"""

from __future__ import annotations

import functools
import inspect
import sys
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import rapyer
import rapyer.types
from rapyer import AtomicRedisModel
from rapyer.metaclass import OldName, Yielding

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = str(Path(__file__).parent)

CLASSES: tuple[type, ...] = (
    AtomicRedisModel,
    *(getattr(rapyer.types, name) for name in rapyer.types.__all__ if name != "RedisType"),
)


def catalogue() -> set[tuple[str, str]]:
    """Return every public operation: the members of the public classes, and the functions of the package."""
    members = {(cls.__name__, name) for cls in CLASSES for name in _members(cls)}
    functions = {("rapyer", name) for name in rapyer.__all__ if inspect.isfunction(getattr(rapyer, name))}
    return members | functions


class Recorder:
    """What was called so far.

    Attributes:
        seen: Class or package, and name.
        active: Whether a test runs that has a Redis.
    """

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.active = False
        self.complete = False

    def note(self, subject: type, name: str) -> None:
        """Take a note of a call, from two frames up, for the public classes that the subject is of."""
        caller = sys._getframe(2)
        while caller.f_back is not None and caller.f_code is Yielding.__get__.__code__:
            caller = caller.f_back
        if self.active and caller.f_code.co_filename.startswith(TESTS):
            self.seen |= {(cls.__name__, name) for cls in CLASSES if issubclass(subject, cls)}

    def function(self, name: str, wrapped: Any) -> Any:
        """Return a function of the package that takes a note."""

        @functools.wraps(wrapped)
        def noting(*args: Any, **kwargs: Any) -> Any:
            if self.active and sys._getframe(1).f_code.co_filename.startswith(TESTS):
                self.seen.add(("rapyer", name))
            return wrapped(*args, **kwargs)

        return noting

    @contextmanager
    def members(self) -> Iterator[None]:
        """Let the members of the public classes take notes."""
        before = []
        for cls in CLASSES:
            for name in _members(cls):
                before.append((cls, name, cls.__dict__.get(name)))
                type.__setattr__(cls, name, self._noting(name, inspect.getattr_static(cls, name)))
        try:
            yield
        finally:
            for cls, name, value in reversed(before):
                if value is None:
                    type.__delattr__(cls, name)
                else:
                    type.__setattr__(cls, name, value)

    def _noting(self, name: str, member: Any) -> Any:
        if isinstance(member, Yielding):
            return Yielding(self._noting(name, member._wrapped))
        if isinstance(member, OldName):
            return property(self._getter(name, lambda instance: member.__get__(instance, type(instance))))
        if isinstance(member, property):
            return property(self._getter(name, member.fget), member.fset, member.fdel, member.__doc__)
        if isinstance(member, classmethod):
            return classmethod(self._method(name, member.__func__, lambda cls: cls))
        return self._method(name, member, type)

    def _getter(self, name: str, wrapped: Any) -> Any:
        def noting(instance: Any) -> Any:
            self.note(type(instance), name)
            return wrapped(instance)

        return noting

    def _method(self, name: str, wrapped: Any, subject: Any) -> Any:
        @functools.wraps(wrapped)
        def noting(first: Any, *args: Any, **kwargs: Any) -> Any:
            self.note(subject(first), name)
            return wrapped(first, *args, **kwargs)

        return noting


def _members(cls: type) -> list[str]:
    ours = [base for base in cls.__mro__ if base.__module__.startswith("rapyer.")]
    found = {
        name: value
        for base in reversed(ours)
        for name, value in vars(base).items()
        if _is_operation(name, value)
    }
    return sorted(found)


_OPERATORS = (
    "__setitem__",
    "__delitem__",
    "__iadd__",
    "__isub__",
    "__imul__",
    "__itruediv__",
    "__ifloordiv__",
)
_OPERATORS += ("__imod__", "__ipow__", "__ior__", "__iand__", "__ixor__")


def _is_operation(name: str, value: Any) -> bool:
    if name.startswith("model_") or name in {"Meta"}:
        return False
    public = not name.startswith("_") or name in _OPERATORS
    return public and isinstance(value, FunctionType | classmethod | property | Yielding)


recorder = Recorder()
for _name, _function in [(name, getattr(rapyer, name)) for name in rapyer.__all__]:
    if inspect.isfunction(_function):
        setattr(rapyer, _name, recorder.function(_name, _function))
