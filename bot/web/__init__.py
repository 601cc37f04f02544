"""The composition root, and what every page and route shares."""
