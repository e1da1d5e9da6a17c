"""Python values to and from the bytes that Redis holds; pure, no connection."""
