"""AssistENT: the first-level assistant of a French school portal (ENT)."""
