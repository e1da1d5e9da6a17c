"""The control of references: the key of the target, what is there, and a list to choose from."""
