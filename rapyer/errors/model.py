"""Errors about stored models: their keys, documents and classes."""

from __future__ import annotations

from rapyer.errors.base import RapyerError


class ModelError(RapyerError):
    """Something is wrong with a model, its class or its document."""


class KeyNotFound(ModelError, KeyError):
    """No document (or no such path in it) is stored under the key."""


class CorruptedModelError(ModelError):
    """The stored document does not fit the model class."""


class CantSerializeRedisValueError(CorruptedModelError):
    """A stored value cannot be decoded or may not be loaded, or a value could not be loaded once stored."""


class WrongClassError(ModelError, ValueError):
    """The key or the instance belongs to another model class."""


class WrongTypeError(ModelError):
    """The key holds another Redis type than a JSON document.

    Args:
        message: Which key it is.
        expected: What the key should hold.
        found: The Redis type that it holds, as TYPE tells it; None where nobody asked.
        key: The key.
        field: The field that it is for.
        model: The name of the class.
        command: The name of the command that the server refused.
        hint: What to do about it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        expected: str = "JSON document",
        found: str | None = None,
        key: str | None = None,
        field: str | None = None,
        model: str | None = None,
        command: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, key=key, field=field, model=model, command=command, hint=hint)
        self.expected = expected
        self.found = found

    def tell(self, found: str) -> None:
        """Say which Redis type was found."""
        self.found = found
        self.message = f"{self.message}: a {found}"


class InvalidKeyError(ModelError, ValueError):
    """The text cannot be used as a key or primary key."""


class KeyExistsError(ModelError, ValueError):
    """Something is stored under the key already, and was to stay."""


class KeyChangedError(ModelError, ValueError):
    """The primary key of a stored instance was to change, which would make two documents of one."""


class StaleModelError(ModelError):
    """The stored document is not the one that the instance was loaded from; nothing was written.

    Args:
        message: Which document, and what differs there.
        fields: The names of the fields that differ; none where the instance knows no document.
        key: The key of the document.
        model: The name of the class.
        hint: What to do about it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        fields: tuple[str, ...] = (),
        key: str | None = None,
        model: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, key=key, field=fields[0] if fields else None, model=model, hint=hint)
        self.fields = fields


class RapyerModelDoesntExistError(ModelError, KeyError):
    """No model class is known for the key.

    Args:
        message: Which prefix is unknown; `model_name` is that prefix.
        model_name: The prefix, as a class of that name would have.
        key: The key in question.
        hint: Which class may be meant.
    """

    def __init__(
        self,
        message: str = "",
        *,
        model_name: str | None = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, key=key, model=model_name, hint=hint)
        self.model_name = model_name


class DuplicateModelNameError(ModelError):
    """Two model classes share one name, and so one key prefix.

    Args:
        model_name: The name in question.
    """

    def __init__(self, model_name: str) -> None:
        super().__init__(
            f"a model class named {model_name!r} exists already",
            model=model_name,
            hint="rename one of them; two classes of one name would share their keys",
        )
        self.model_name = model_name


class UnknownFieldError(ModelError, AttributeError):
    """The model has no field of that name."""


class FieldDeletionError(ModelError, AttributeError):
    """A field was to be deleted from an instance (`del user.name`); it can only get another value."""


class InnerModelError(ModelError, RuntimeError):
    """The operation needs a top-level model, and this one lives inside another."""


class UnlinkedValueError(ModelError, AttributeError):
    """The value belongs to no model, so it has no place in Redis."""


class UpdateAtomicModelError(ModelError, TypeError):
    """The field lives under a key of its own, so `aupdate` cannot set it."""


class UnsupportedFieldError(ModelError, TypeError):
    """A field of that type cannot stand where the class declares it."""


class UnsupportedOperationError(ModelError, TypeError):
    """The Python type that a value behaves as has the operation, but a value in Redis cannot have it."""
