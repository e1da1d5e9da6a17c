"""How a time to live, or a deletion, reaches the models that a model refers to."""

from rapyer.fields.cascade import CascadeDelete, CascadeSpec, CascadeTTL, TTLCascadeMode

__all__ = ("CascadeDelete", "CascadeSpec", "CascadeTTL", "TTLCascadeMode")
