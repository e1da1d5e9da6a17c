"""The keeper: a small process that owns one redis-server and ends it when nobody uses it any more.

It is run from its directory (see `__main__`), without the packages above it and without third-party code,
so that it starts in a few milliseconds and does not depend on what a notebook has installed. Only the
standard library and this directory may be imported here, by relative imports.

How it lives:

* It talks to whoever started it over a socket on its standard input. That socket, and every connection made
  later to the control socket, is a *lease*: the kernel closes it when its process dies, however it dies.
* Without a lease left it waits a short grace, stops redis-server, removes its files and ends.
* redis-server ends with the keeper, also when that is killed: on Linux by the parent-death signal,
  elsewhere by a guardian process at the other end of a pipe.
* A lock file is held by the keeper and inherited by redis-server, so the next keeper of the same place
  starts its server only when the former one is really gone.
"""
