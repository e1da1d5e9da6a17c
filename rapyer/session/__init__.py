"""How commands reach Redis: clients, pipelines and the one executor."""
