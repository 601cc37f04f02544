"""Rasa's custom actions: what has effects. Thin: the rules and the rows are bot.escalation's."""
