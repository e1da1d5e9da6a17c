"""The known model classes, and the server that they use by default."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from rapyer.config import DEFAULT_CONNECTION
from rapyer.errors import ConfigError, DuplicateModelNameError
from rapyer.session.clients import ClientSource
from rapyer.session.using import chosen_source

if TYPE_CHECKING:
    from pydantic import BaseModel

    from rapyer.fields.cascade import CascadeTTL
    from rapyer.model.state import StoredModel

logger = logging.getLogger("rapyer")


class ModelRegistry:
    """Model classes by name, and where their commands go.

    Attributes:
        source: What models use whose `Meta` names no connection of its own.
        auto_index: Whether a search makes, or brings up to date, the index that it needs.
        allow_redefinition: Whether a class replaces the older one of the same name, as in a notebook,
            where a cell may run again.
        cascade: How far a time to live is passed on along references whose field says nothing of that; None
            for not at all.
        index_versions: The part of an index's name that stands for the schema of each class, as far as it was
            asked for.
        cascade_plans: What is followed from the instances of each class, as far as it was asked for.
    """

    def __init__(self) -> None:
        self.source = ClientSource.from_url(DEFAULT_CONNECTION)
        self.bound = False
        self.auto_index = False
        self.allow_redefinition = False
        self.cascade: CascadeTTL | None = None
        self.cascade_plans: dict[Any, Any] = {}
        self.index_versions: dict[Any, str] = {}
        self._models: dict[str, type[StoredModel]] = {}
        self._inner: dict[tuple[type[BaseModel], type[StoredModel] | None], type[BaseModel]] = {}
        self._own_sources: dict[Any, ClientSource] = {}
        self._ready_indexes: dict[tuple[ClientSource, type[StoredModel]], int] = {}

    def add(self, model: type[StoredModel]) -> None:
        """Register a class.

        Raises:
            DuplicateModelNameError: Another class has the name, and may not be replaced.
        """
        known = self._models.get(model.__name__)
        if known is not None and known is not model and not self.allow_redefinition:
            raise DuplicateModelNameError(model.__name__)
        self._models[model.__name__] = model
        self.cascade_plans.clear()
        self.index_versions.clear()

    def by_name(self, name: str) -> type[StoredModel] | None:
        """Return the class of that name."""
        return self._models.get(name)

    def newest(self, model: type[StoredModel]) -> type[StoredModel] | None:
        """Return a class, or its later definition, as in a notebook; None if neither is registered."""
        known = self._models.get(model.__name__)
        if known is None or known is model:
            return known
        same = (known.__module__, known.__qualname__) == (model.__module__, model.__qualname__)
        return known if same else None

    def by_prefix(self, prefix: str) -> type[StoredModel] | None:
        """Return the class whose keys start with the prefix and a colon."""
        named = self._models.get(prefix)
        if named is not None and named.class_key_initials() == prefix:
            return named
        return next((model for model in self._models.values() if model.class_key_initials() == prefix), None)

    def owner_of(self, key: str) -> type[StoredModel] | None:
        """Return the class that a full key belongs to: that with the longest prefix the key starts with."""
        end = key.rfind(":")
        while end > 0:
            found = self.by_prefix(key[:end])
            if found is not None:
                return found
            end = key.rfind(":", 0, end)
        return None

    def longer_prefixes(self, prefix: str) -> tuple[str, ...]:
        """Return what longer prefixes other classes have, such as `app:User:` beside `app:`."""
        others = (f"{model.class_key_initials()}:" for model in self._models.values())
        return tuple(other for other in others if other.startswith(prefix) and other != prefix)

    def snapshot(self) -> tuple[type[StoredModel], ...]:
        """Return all registered classes, in the order of their definition."""
        return tuple(self._models.values())

    def inner_for(self, plain: type[BaseModel], owner: type[StoredModel] | None) -> type[BaseModel] | None:
        """Return the model class that was made for a plain pydantic class nested in a model.

        Args:
            plain: The plain class.
            owner: The model class whose `Meta` its values follow; one for any owner is found, too.
        """
        return self._inner.get((plain, None)) or self._inner.get((plain, owner))

    def add_inner(
        self, plain: type[BaseModel], owner: type[StoredModel] | None, inner: type[BaseModel]
    ) -> None:
        """Remember the model class that was made for a plain pydantic class: for one owner, or for any."""
        self._inner[plain, owner] = inner

    def bind(self, source: ClientSource, *, auto_index: bool = False) -> None:
        """Let every model without a connection of its own use a source, models defined later included."""
        self.source = source
        self.auto_index = auto_index
        self.bound = True
        self._ready_indexes.clear()

    def unbind(self) -> None:
        """Go back to the default connection."""
        self.__dict__.update(source=ClientSource.from_url(DEFAULT_CONNECTION), auto_index=False, bound=False)
        self._ready_indexes.clear()

    @property
    def source_in_use(self) -> ClientSource:
        """Where the commands of the running task go: what it has chosen (`using`), else the bound source."""
        return chosen_source() or self.source

    def source_for(self, model: type[StoredModel]) -> ClientSource:
        """Return where the commands of a class go.

        That is what its `Meta.redis` says, else what the task has chosen (`using`), else the bound source.

        Raises:
            ConfigError: `Meta.redis` is neither a client nor a URL.
        """
        own = model.Meta.redis
        source = self.source_in_use if own is None else self._own_sources.get(own)
        if source is None:
            source = self._own_sources[own] = _source_of(own, model)
        return source.exactly_once if model.Meta.exactly_once else source

    def ttl_of(self, model: type[StoredModel]) -> int | None:
        """Return after how many seconds instances of a class expire: by its `Meta`, else by its source."""
        own = model.Meta.ttl
        return self.source_for(model).ttl if own is None else own

    def cascade_by_default(self, cascade: CascadeTTL | None) -> None:
        """Set how far a time to live is passed on along references whose field says nothing of that."""
        self.cascade = cascade if cascade is not None and cascade.enabled else None
        self.cascade_plans.clear()

    def own_sources(self) -> tuple[ClientSource, ...]:
        """Return the sources that models named themselves."""
        return tuple(self._own_sources.values())

    def forget_own_sources(self) -> None:
        """Drop the sources that models named themselves; they are made anew when needed."""
        self._own_sources.clear()

    def index_is_ready(self, source: ClientSource, model: type[StoredModel]) -> bool:
        """Tell whether the index of the class was seen to be complete on the source, and no server restarted.

        After a restart a server may build it again.
        """
        return self._ready_indexes.get((source, model)) == source.router.reconnections()

    def mark_index(
        self, source: ClientSource, model: type[StoredModel], *, ready: bool, reconnections: int = 0
    ) -> None:
        """Remember whether the index of the class is complete on the source.

        Args:
            source: The source.
            model: The class.
            ready: Whether it is.
            reconnections: What `Router.reconnections` gave before it was looked at.
        """
        if ready:
            self._ready_indexes[source, model] = reconnections
        else:
            self._ready_indexes.pop((source, model), None)


def _source_of(own: Any, model: type[StoredModel]) -> ClientSource:
    source = ClientSource.of(own)
    if source is None:
        raise ConfigError(
            f"{model.__name__}.Meta.redis is a {type(own).__name__}",
            model=model.__name__,
            hint="give it a redis.asyncio.Redis client or a URL such as redis://localhost:6379/0",
        )
    return source


registry = ModelRegistry()
"""The one registry."""
