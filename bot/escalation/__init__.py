"""Requests to people: the form, the tickets, what happens to them."""
