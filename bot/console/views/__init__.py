"""Handlers of the console's pages, a module a subject; `shell` holds what they share."""
