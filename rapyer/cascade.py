"""How a time to live reaches the models that a model refers to."""

from rapyer.fields.cascade import CascadeSpec, CascadeTTL, TTLCascadeMode

__all__ = ("CascadeSpec", "CascadeTTL", "TTLCascadeMode")
