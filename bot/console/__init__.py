"""The pages of the référents, the agents and the administrators."""
