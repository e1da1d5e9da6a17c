"""An embedded Redis with JSON and Search: found, started, shared by the processes of a project, and ended."""

from rapyer_nb.server.embedded import EmbeddedServer, start_embedded
from rapyer_nb.server.errors import EmbeddedServerError, EmbeddedServerWarning
from rapyer_nb.server.places import project_root

__all__ = ["EmbeddedServer", "EmbeddedServerError", "EmbeddedServerWarning", "project_root", "start_embedded"]
