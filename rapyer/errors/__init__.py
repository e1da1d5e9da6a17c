"""Every error the library raises on purpose.

    RapyerError
    ├── ConfigError
    │   ├── CascadeError
    │   │   ├── CascadeKeyInitialsError
    │   │   ├── CascadeLuaLiteralError
    │   │   ├── CascadeTargetTtlMissingError
    │   │   └── InvalidCascadeDepthError (also ValueError)
    │   ├── InvalidRefreshTtlError
    │   └── MetaFrozenError
    ├── FindError
    │   ├── BadFilterError (also ValueError)
    │   ├── NotIndexedError
    │   ├── UnsupportedArgumentTypeError (also TypeError)
    │   │   └── MissingParameterError
    │   ├── UnsupportedArgumentValueError (also ValueError)
    │   └── UnsupportedIndexedFieldError
    ├── LockError
    │   ├── LockLostError
    │   ├── LockReentryError (also RuntimeError)
    │   └── LockTimeoutError (also TimeoutError)
    ├── ModelError
    │   ├── CorruptedModelError
    │   │   └── CantSerializeRedisValueError
    │   ├── DuplicateModelNameError
    │   ├── ElementIndexError (also IndexError)
    │   ├── FieldDeletionError (also AttributeError)
    │   ├── InnerModelError (also RuntimeError)
    │   │   └── BadDeleteActionError
    │   ├── InvalidKeyError (also ValueError)
    │   ├── KeyChangedError (also ValueError)
    │   ├── KeyExistsError (also ValueError)
    │   ├── KeyNotFound (also KeyError)
    │   ├── NotResolvedError
    │   ├── NumberDomainError (also ValueError)
    │   ├── NumberRangeError (also OverflowError)
    │   ├── RapyerModelDoesntExistError (also KeyError)
    │   ├── StaleModelError
    │   ├── UnknownFieldError (also AttributeError)
    │   ├── UnknownTargetError (also TypeError)
    │   ├── UnlinkedValueError (also AttributeError)
    │   ├── UnsupportedFieldError (also TypeError)
    │   ├── UnsupportedOperationError (also TypeError)
    │   ├── UpdateAtomicModelError (also TypeError)
    │   ├── WrongClassError (also ValueError)
    │   └── WrongTypeError
    ├── PipelineError
    │   ├── CrossSlotError
    │   ├── CrossSourceError
    │   ├── PipelineClosedError
    │   ├── PipelineOpenError
    │   └── TransactionError
    │       └── PartlyAppliedError
    └── ServerError
        ├── MissingModuleError
        ├── MissingPermissionError
        ├── PersistentNoScriptError
        ├── ScriptsNotInitializedError
        └── UnknownOutcomeError

Each carries `message`, `hint` and, where they are known, `key`, `field`, `model` and `command`.
"""

import warnings
from typing import TYPE_CHECKING

from rapyer.errors.base import RapyerError
from rapyer.errors.cascade import (
    CascadeError,
    CascadeKeyInitialsError,
    CascadeLuaLiteralError,
    CascadeTargetTtlMissingError,
    InvalidCascadeDepthError,
)
from rapyer.errors.delete import BadDeleteActionError
from rapyer.errors.find import (
    BadFilterError,
    FindError,
    MissingParameterError,
    NotIndexedError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    UnsupportedIndexedFieldError,
)
from rapyer.errors.lock import LockError, LockLostError, LockReentryError, LockTimeoutError
from rapyer.errors.model import (
    CantSerializeRedisValueError,
    CorruptedModelError,
    DuplicateModelNameError,
    FieldDeletionError,
    InnerModelError,
    InvalidKeyError,
    KeyChangedError,
    KeyExistsError,
    KeyNotFound,
    ModelError,
    RapyerModelDoesntExistError,
    StaleModelError,
    UnknownFieldError,
    UnlinkedValueError,
    UnsupportedFieldError,
    UnsupportedOperationError,
    UpdateAtomicModelError,
    WrongClassError,
    WrongTypeError,
)
from rapyer.errors.number import ElementIndexError, NumberDomainError, NumberRangeError
from rapyer.errors.pipeline import (
    CrossSlotError,
    CrossSourceError,
    PartlyAppliedError,
    PipelineClosedError,
    PipelineError,
    PipelineOpenError,
    TransactionError,
)
from rapyer.errors.reference import NotResolvedError, UnknownTargetError
from rapyer.errors.server import (
    ConfigError,
    InvalidRefreshTtlError,
    MetaFrozenError,
    MissingModuleError,
    MissingPermissionError,
    PersistentNoScriptError,
    ScriptsNotInitializedError,
    ServerError,
    UnknownOutcomeError,
)

__all__ = (
    "BadDeleteActionError",
    "BadFilterError",
    "CantSerializeRedisValueError",
    "CascadeError",
    "CascadeKeyInitialsError",
    "CascadeLuaLiteralError",
    "CascadeTargetTtlMissingError",
    "ConfigError",
    "CorruptedModelError",
    "CrossSlotError",
    "CrossSourceError",
    "DuplicateModelNameError",
    "ElementIndexError",
    "FieldDeletionError",
    "FindError",
    "InnerModelError",
    "InvalidCascadeDepthError",
    "InvalidKeyError",
    "InvalidRefreshTtlError",
    "KeyChangedError",
    "KeyExistsError",
    "KeyNotFound",
    "LockError",
    "LockLostError",
    "LockReentryError",
    "LockTimeoutError",
    "MetaFrozenError",
    "MissingModuleError",
    "MissingParameterError",
    "MissingPermissionError",
    "ModelError",
    "NotIndexedError",
    "NotResolvedError",
    "NumberDomainError",
    "NumberRangeError",
    "PartlyAppliedError",
    "PersistentNoScriptError",
    "PipelineClosedError",
    "PipelineError",
    "PipelineOpenError",
    "RapyerError",
    "RapyerModelDoesntExistError",
    "ScriptsNotInitializedError",
    "ServerError",
    "StaleModelError",
    "TransactionError",
    "UnknownFieldError",
    "UnknownOutcomeError",
    "UnknownTargetError",
    "UnlinkedValueError",
    "UnsupportedArgumentTypeError",
    "UnsupportedArgumentValueError",
    "UnsupportedFieldError",
    "UnsupportedIndexedFieldError",
    "UnsupportedOperationError",
    "UpdateAtomicModelError",
    "WrongClassError",
    "WrongTypeError",
)

if not TYPE_CHECKING:

    def __getattr__(name):
        """Give the old name of an error, with a warning."""
        if name == "UnsupportArgumentTypeError":
            warnings.warn(
                "UnsupportArgumentTypeError is deprecated; its name is UnsupportedArgumentTypeError",
                DeprecationWarning,
                stacklevel=2,
            )
            return UnsupportedArgumentTypeError
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
