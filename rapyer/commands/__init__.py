"""Redis commands as values: one function per command that the library sends."""
