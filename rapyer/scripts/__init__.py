"""Lua scripts, one file each."""
