"""Every error the library raises on purpose.

    RapyerError
    ├── ConfigError
    ├── FindError
    │   ├── BadFilterError (also ValueError)
    │   ├── NotIndexedError
    │   ├── UnsupportedArgumentTypeError (also TypeError)
    │   ├── UnsupportedArgumentValueError (also ValueError)
    │   └── UnsupportedIndexedFieldError
    ├── ModelError
    │   ├── CantSerializeRedisValueError
    │   ├── CorruptedModelError
    │   ├── DuplicateModelNameError
    │   ├── InnerModelError (also RuntimeError)
    │   │   └── BadDeleteActionError
    │   ├── InvalidKeyError (also ValueError)
    │   ├── KeyNotFound (also KeyError)
    │   ├── RapyerModelDoesntExistError (also KeyError)
    │   ├── UnknownFieldError (also AttributeError)
    │   ├── UnlinkedValueError (also AttributeError)
    │   ├── WrongClassError (also ValueError)
    │   └── WrongTypeError
    ├── PipelineError
    │   ├── CrossSourceError
    │   ├── PipelineClosedError
    │   ├── PipelineOpenError
    │   └── TransactionError
    └── ServerError
        ├── MissingModuleError
        └── UnknownOutcomeError

Each carries `message`, `hint` and, where they are known, `key`, `field`, `model` and `command`.
"""

from rapyer.errors.base import RapyerError
from rapyer.errors.find import (
    BadFilterError,
    FindError,
    NotIndexedError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    UnsupportedIndexedFieldError,
)
from rapyer.errors.model import (
    BadDeleteActionError,
    CantSerializeRedisValueError,
    CorruptedModelError,
    DuplicateModelNameError,
    InnerModelError,
    InvalidKeyError,
    KeyNotFound,
    ModelError,
    RapyerModelDoesntExistError,
    UnknownFieldError,
    UnlinkedValueError,
    WrongClassError,
    WrongTypeError,
)
from rapyer.errors.pipeline import (
    CrossSourceError,
    PipelineClosedError,
    PipelineError,
    PipelineOpenError,
    TransactionError,
)
from rapyer.errors.server import ConfigError, MissingModuleError, ServerError, UnknownOutcomeError

__all__ = (
    "BadDeleteActionError",
    "BadFilterError",
    "CantSerializeRedisValueError",
    "ConfigError",
    "CorruptedModelError",
    "CrossSourceError",
    "DuplicateModelNameError",
    "FindError",
    "InnerModelError",
    "InvalidKeyError",
    "KeyNotFound",
    "MissingModuleError",
    "ModelError",
    "NotIndexedError",
    "PipelineClosedError",
    "PipelineError",
    "PipelineOpenError",
    "RapyerError",
    "RapyerModelDoesntExistError",
    "ServerError",
    "TransactionError",
    "UnknownFieldError",
    "UnknownOutcomeError",
    "UnlinkedValueError",
    "UnsupportedArgumentTypeError",
    "UnsupportedArgumentValueError",
    "UnsupportedIndexedFieldError",
    "WrongClassError",
    "WrongTypeError",
)
