"""Handlers of the workshop's pages, one module a subject."""
