"""Lists, dicts, sets and queues in a form: a page at a time, changed in place."""
