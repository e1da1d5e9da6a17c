"""What a stored pickle may do: nothing but make the values that the field is for."""

from __future__ import annotations

import base64
import collections
import copyreg
import datetime as dt
import decimal
import enum
import fractions
import functools
import operator
import os
import pathlib
import pickle
import resource
import struct
import uuid
import zoneinfo
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, TypeAdapter

from rapyer.codec import pickled, unpickler
from rapyer.codec.pickled import PickleRules, load_pickled_literal, looks_pickled
from rapyer.codec.unpickler import load_restricted
from rapyer.errors import CantSerializeRedisValueError
from rapyer.types.named import names_of


class Shade(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Weight(enum.IntFlag):
    BOLD = 1
    HEAVY = 2


@dataclass
class Spot:
    x: int = 1
    shade: Shade = Shade.RED


class Pair(NamedTuple):
    left: int
    right: Shade


class Card(BaseModel):
    name: str = "n"
    spot: Spot = Spot()


class Stranger:
    pass


class Canary:
    """Reduces to a call; the call must never happen."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self.reduced = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> Any:
        return self.reduced


NAMES = names_of([Shade, Weight, Spot, Pair, Card])


class _Nested:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __reduce__(self) -> Any:
        return dict, ([("a", self.inner)],)


def _old_style(opcode: bytes) -> bytes:
    # INST and OBJ, which only old protocols write
    if opcode == b"i":
        return b"(S'rapyer-canary'\nios\nmkdir\n."
    return b"(cos\nmkdir\nS'rapyer-canary'\no."


def _stacked(module: str, name: str) -> bytes:
    return (
        b"\x80\x04\x8c"
        + bytes([len(module)])
        + module.encode()
        + b"\x8c"
        + bytes([len(name)])
        + name.encode()
        + b"\x93"
    )


CALL = b"\x8c\x0drapyer-canary\x85R."

GADGETS: dict[str, bytes] = {
    "os.mkdir": pickle.dumps(Canary(os.mkdir, "rapyer-canary"), 4),
    "os.system": pickle.dumps(Canary(os.system, "mkdir rapyer-canary"), 4),
    "posix by its other name": _stacked("posix", "mkdir") + CALL,
    "subprocess": _stacked("subprocess", "Popen") + CALL,
    "eval": pickle.dumps(Canary(eval, "__import__('os').mkdir('rapyer-canary')"), 4),
    "exec": pickle.dumps(Canary(exec, "import os; os.mkdir('rapyer-canary')"), 4),
    "open": pickle.dumps(Canary(open, "rapyer-canary", "w"), 4),
    "__import__": pickle.dumps(Canary(__import__, "this"), 4),
    "compile": pickle.dumps(Canary(compile, "1", "x", "eval"), 4),
    "getattr of an admitted class": pickle.dumps(Canary(getattr, Spot, "__init__"), 4),
    "getattr of a member": pickle.dumps(Canary(getattr, Shade, "__class__"), 4),
    "getattr of a zone": pickle.dumps(Canary(getattr, zoneinfo.ZoneInfo, "clear_cache"), 4),
    "setattr": pickle.dumps(Canary(setattr, Spot, "x", 1), 4),
    "functools.partial": pickle.dumps(functools.partial(os.mkdir, "rapyer-canary"), 4),
    "functools.reduce": pickle.dumps(Canary(functools.reduce, operator.add, [1, 2]), 4),
    "operator.methodcaller": pickle.dumps(operator.methodcaller("mkdir", "rapyer-canary"), 4),
    "operator.attrgetter": pickle.dumps(operator.attrgetter("system"), 4),
    "map": pickle.dumps(Canary(map, os.mkdir, ["rapyer-canary"]), 4),
    "copyreg._reconstructor": pickle.dumps(Canary(copyreg._reconstructor, Stranger, object, None), 4),  # type: ignore[attr-defined]
    "copyreg.__newobj__": _stacked("copyreg", "__newobj__") + b"N\x85R.",
    "reconstructor, protocol 0": pickle.dumps(Stranger(), 0),
    "a dotted name": _stacked("builtins", "object.__subclasses__") + b")R.",
    "a dotted name of an admitted class": _stacked(__name__, "Spot.__init__.__globals__") + b".",
    "a module": _stacked("os", "path") + b".",
    "a class nobody named": pickle.dumps(Stranger(), 4),
    "a class as a value": pickle.dumps(Stranger, 4),
    "INST": _old_style(b"i"),
    "OBJ": _old_style(b"o"),
    "GLOBAL": b"cos\nmkdir\n(S'rapyer-canary'\ntR.",
    "python 2 names": b"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.",
    "hidden in a list": pickle.dumps([1, [2, Canary(os.mkdir, "rapyer-canary")]], 4),
    "hidden in an admitted call": pickle.dumps(_Nested(Canary(os.mkdir, "rapyer-canary")), 4),
    "hidden in the state": pickle.dumps(Canary(Spot, state={"x": Canary(os.mkdir, "rapyer-canary")}), 4),
    "attributes of a class": _stacked(__name__, "Spot") + b"N}\x8c\x01x\x8c\x06hackeds\x86b.",
    "attributes of a class of the library": _stacked("uuid", "UUID")
    + b"N}\x8c\x07__str__\x8c\x06hackeds\x86b.",
    "attributes of a member": _stacked(__name__, "Shade")
    + b"\x8c\x03red\x85R}\x8c\x07_value_\x8c\x04blues"
    + b"b.",
    "an extension": b"\x80\x02\x82\x01.",
    "an extension of four bytes": b"\x80\x02\x84\x01\x00\x00\x00.",
    "a persistent id": b"\x80\x04\x8c\x01xQ.",
    "a new type": pickle.dumps(Canary(type, "Evil", (object,), {}), 4),
    "a huge string": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
    "a huge bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"x.",
    "a bytearray of a size": pickle.dumps(Canary(bytearray, 2**40), 4),
    "bytes of a size": pickle.dumps(Canary(bytes, 2**40), 4),
    "a fraction of a power": pickle.dumps(Canary(fractions.Fraction, "1e999999999"), 4),
    "codecs": _stacked("_codecs", "encode") + b"\x8c\x01x\x8c\x06rot_13\x86R.",
}


@pytest.fixture(autouse=True)
def _nothing_happens(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    before = (dict(vars(Spot)), Shade.RED.value, uuid.UUID.__str__)
    yield
    assert list(tmp_path.iterdir()) == []
    assert (dict(vars(Spot)), Shade.RED.value, uuid.UUID.__str__) == before


@pytest.mark.parametrize("gadget", GADGETS, ids=str)
def test_gadgets_are_refused(gadget: str) -> None:
    with pytest.raises(CantSerializeRedisValueError):
        load_restricted(GADGETS[gadget], NAMES)
    with pytest.raises(CantSerializeRedisValueError):
        PickleRules("M.f", NAMES).read(base64.b64encode(GADGETS[gadget]).decode())


@pytest.mark.parametrize("gadget", GADGETS, ids=str)
def test_gadgets_are_no_literals(gadget: str) -> None:
    with pytest.raises(CantSerializeRedisValueError):
        load_pickled_literal(base64.b64encode(GADGETS[gadget]).decode())


@pytest.mark.parametrize("payload", [b"\x80\x02Nr\xff\xff\xff\x7f.", b"Np4294967295\n."])
def test_a_pickle_does_not_say_how_much_memory_is_reserved(payload: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert load_restricted(payload, NAMES) is None
    assert load_pickled_literal(base64.b64encode(payload).decode()) is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_the_refusal_names_the_class_and_the_cure() -> None:
    with pytest.raises(CantSerializeRedisValueError) as raised:
        load_restricted(GADGETS["os.system"], NAMES)
    assert str(raised.value) == (
        f"the stored pickle names {os.system.__module__}.system, which is not loaded; list it in Meta.pickle_allow, "
        "or set Meta.trust_pickle = True if nobody else can write to this Redis"
    )


VALUES: list[Any] = [
    None, True, 1, -(2**70), 1.5, 2j, "text", "with p and r and b", b"raw", b"\xff" * 300, "", b"",
    [1, [2]], {"a": (1, 2)}, {1, 2}, frozenset("a"), bytearray(b"ab"), bytearray(), range(3), slice(1, 2),
    dt.datetime(2024, 1, 2, 3, 4, 5, 6), dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc),
    dt.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), dt.date(2024, 1, 2), dt.time(1, 2), dt.timedelta(1, 2, 3),
    TypeAdapter(dt.datetime).validate_python("2024-01-02T00:00:00+05:00"),
    decimal.Decimal("1.50"), fractions.Fraction(1, 3), uuid.UUID(int=7), uuid.UUID("c77676ca-e5fc-11f1-b5be-02fc00000001"), pathlib.Path("/a/b"), pathlib.PureWindowsPath("c:/x"),
    collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.deque([1], 5), collections.Counter("aab"),
    int, type(None), Shade.RED, Shade, Weight.BOLD | Weight.HEAVY, Spot(), Pair(1, Shade.BLUE), Card(),
    [Spot(2, Shade.BLUE), {"k": Card(name="x")}],
]  # fmt: skip


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_load(value: Any, protocol: int) -> None:
    payload = pickle.dumps(value, protocol)
    if protocol < 2 and b"copy_reg" in payload:
        with pytest.raises(CantSerializeRedisValueError, match="copy_reg._reconstructor"):
            load_restricted(payload, NAMES)
        return
    loaded = load_restricted(payload, NAMES)
    assert loaded == value
    assert type(loaded) is type(value)


def test_the_fields_of_named_classes_are_named_too() -> None:
    named = set(names_of([dict[str, Card | None]]).values())
    assert {Card, Spot, Shade} <= named
    assert Stranger not in named
    assert os.system not in names_of([Any, object, type, Stranger]).values()


def test_broken_texts_are_errors_of_the_library() -> None:
    rules = PickleRules("M.f", NAMES)
    whole = rules.write(Spot())
    for text in ["", "gA", "gAQ=", "no base64!", "gASV", *(whole[:end] for end in range(len(whole)))]:
        with pytest.raises(CantSerializeRedisValueError):
            rules.read(text)


def test_long_texts_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pickled, unpickler):
        monkeypatch.setattr(module, "LIMIT", 1000)
    rules = PickleRules("M.f", {})
    for long in ("x" * 1001, ["x" * 1001]):
        with pytest.raises(CantSerializeRedisValueError, match="M.f holds .* more than the 1000"):
            rules.write(long)
        with pytest.raises(CantSerializeRedisValueError, match="too long"):
            rules.read(base64.b64encode(pickle.dumps(long)).decode())
    assert rules.read(rules.write("x" * 900)) == "x" * 900


def test_what_could_not_be_loaded_again_is_not_written() -> None:
    with pytest.raises(CantSerializeRedisValueError) as raised:
        PickleRules("M.f", NAMES).write([Stranger()])
    assert str(raised.value).startswith(
        f"M.f holds a value that could not be loaded again: the stored pickle names {__name__}.Stranger, which is not loaded; "
        "list it in Meta.pickle_allow"
    )
    assert raised.value.field == "M.f"
    with pytest.raises(CantSerializeRedisValueError, match="M.f holds a function that cannot be stored"):
        PickleRules("M.f", NAMES).write(lambda: None)
    assert PickleRules("M.f", names_of([Stranger])).write(Stranger())
    assert PickleRules("M.f", {}, trust=True).write(Stranger())


def test_trust_loads_anything() -> None:
    trusting = PickleRules("M.f", {}, trust=True)
    assert type(trusting.read(trusting.write(Stranger()))) is Stranger
    with pytest.raises(CantSerializeRedisValueError, match="cannot be read"):
        trusting.read("gASV")


def test_signatures() -> None:
    key = b"a key of 16 bytes or more"
    signing, plain = PickleRules("M.f", NAMES, key=key), PickleRules("M.f", NAMES)
    text = signing.write(Shade.RED)
    assert looks_pickled(text)
    assert signing.read(text) is Shade.RED
    refused = {
        plain.write(Shade.RED): "is not signed",
        PickleRules("M.f", NAMES, key=b"another key of 16 bytes").write(Shade.RED): "signature .* is wrong",
        PickleRules("M.other", NAMES, key=key).write(Shade.RED): "signature .* is wrong",
        text.replace(plain.write(Shade.RED), plain.write(Shade.BLUE)): "signature .* is wrong",
        text.partition(":")[0] + ":": "signature .* is wrong",
        text.partition(":")[0] + "::" + plain.write(1): "signature .* is wrong",
        text.partition(":")[0] + ":ключ:" + plain.write(1): "signature .* is wrong",
    }
    for other, message in refused.items():
        with pytest.raises(CantSerializeRedisValueError, match=message):
            signing.read(other)
    with pytest.raises(CantSerializeRedisValueError, match="set Meta.pickle_key"):
        plain.read(text)
    evil = PickleRules("M.f", {}, trust=True, key=key).write(Canary(os.mkdir, "rapyer-canary"))
    with pytest.raises(CantSerializeRedisValueError, match="mkdir"):
        signing.read(evil)  # a signature is no licence
