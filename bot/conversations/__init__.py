"""Persons, conversations, messages, results and feedback."""
