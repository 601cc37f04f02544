"""Requests leave for the tools of other teams, and what is done there comes back."""
