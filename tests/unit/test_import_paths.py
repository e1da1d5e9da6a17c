"""Every documented name can be imported from where the documents say."""

from __future__ import annotations

import importlib
import pickle
import warnings

import pytest

import rapyer.errors
from rapyer.errors import DuplicateModelNameError, KeyNotFound, RapyerError, TransactionError

DOCUMENTED = {
    "rapyer": "ActionGroup AtomicRedisModel BrokenReference CascadeResult Change ChangeStream DeleteResult FetchResult FifoTies GetOrCreateResult GetOrCreateStatus Index Key RapyerDeleteResult RapyerKey RedisConfig ReferenceReport SafeLoad acheck_references adelete_many aexists afetch_all afind "
    "afind_one aget aget_or_create ainsert alock_from_key apipeline areferrers awatch find_redis_models init_rapyer teardown_rapyer",
    "rapyer.base": "AtomicRedisModel RedisConfig find_redis_models",
    "rapyer.types": "ForeignKey RedisBytes RedisDatetime RedisDatetimeTimestamp RedisDict RedisFloat RedisInt RedisList RedisPriorityQueue RedisSet RedisStr RedisType Reference RelationalFieldType",
    "rapyer.types.priority_queue": "PriorityQueueItem RedisPriorityQueue",
    "rapyer.fields": "CascadeDelete CascadeTTL FifoTies Index IndexAnnotation Key KeyAnnotation RapyerKey SafeLoad SafeLoadAnnotation",
    "rapyer.fields.key": "Key KeyAnnotation RapyerKey",
    "rapyer.fields.index": "Index IndexAnnotation",
    "rapyer.actions": "ActionGroup",
    "rapyer.cascade": "CascadeDelete CascadeSpec CascadeTTL TTLCascadeMode",
    "rapyer.config": "DEFAULT_CONNECTION RedisConfig",
    "rapyer.result": "BrokenReference CascadeResult DeleteResult FetchResult GetOrCreateResult GetOrCreateStatus RapyerDeleteResult ReferenceReport",
    "rapyer.errors.base": "RapyerError",
    "rapyer.errors.find": "BadFilterError FindError UnsupportedArgumentTypeError UnsupportedIndexedFieldError",
    "rapyer.errors.delete": "BadDeleteActionError",
    "rapyer.errors": "BadDeleteActionError BadFilterError CantSerializeRedisValueError CorruptedModelError "
    "DuplicateModelNameError FindError InvalidRefreshTtlError KeyNotFound MetaFrozenError MissingParameterError PersistentNoScriptError "
    "RapyerError RapyerModelDoesntExistError ScriptsNotInitializedError UnsupportedArgumentTypeError "
    "UnsupportedArgumentValueError UnsupportedIndexedFieldError UpdateAtomicModelError CascadeKeyInitialsError "
    "CascadeLuaLiteralError CascadeTargetTtlMissingError InvalidCascadeDepthError NotResolvedError",
}


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in DOCUMENTED.items() for name in names.split()]
)
def test_the_name_is_there(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


def test_the_old_name_of_an_error_warns() -> None:
    with pytest.warns(
        DeprecationWarning,
        match="UnsupportArgumentTypeError is deprecated; its name is UnsupportedArgumentTypeError",
    ):
        old = rapyer.errors.UnsupportArgumentTypeError  # type: ignore[attr-defined]
    assert old is rapyer.errors.UnsupportedArgumentTypeError
    with pytest.raises(AttributeError, match="module 'rapyer.errors' has no attribute 'Nonsense'"):
        rapyer.errors.Nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_importing_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for module in DOCUMENTED:
            importlib.import_module(module)


@pytest.mark.parametrize(
    "error",
    [
        KeyNotFound("gone", key="User:1", model="User", field="x", command="JSON.GET", hint="look"),
        DuplicateModelNameError("User"),
        TransactionError("it broke", position=1, applied=2, key="k", command="c", hint="h"),
        rapyer.errors.RapyerModelDoesntExistError("unknown", model_name="Usr", key="Usr:1", hint="User?"),
    ],
)
def test_errors_survive_pickling(error: RapyerError) -> None:
    loaded = pickle.loads(pickle.dumps(error))
    assert type(loaded) is type(error)
    assert str(loaded) == str(error)
    assert vars(loaded) == vars(error)


def test_what_an_error_is_about_can_be_read() -> None:
    error = KeyNotFound("gone", key="User:1", model="User", field="x", command="JSON.GET", hint="look again")
    assert (error.message, error.key, error.model, error.field, error.command, error.hint) == (
        "gone",
        "User:1",
        "User",
        "x",
        "JSON.GET",
        "look again",
    )
    assert str(error) == "gone; look again"
    assert isinstance(error, KeyError)
