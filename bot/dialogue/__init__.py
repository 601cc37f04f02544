"""How the conversation is conducted: its state and the decision on each message. Pure rules, valid on Python 3.10.

The engine applies them inside Rasa on the classifier's ranking; degraded mode applies the same ones on the search's.
"""
