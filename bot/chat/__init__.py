"""The assistant's HTTP: the chat API, Rasa's client, what is said, degraded mode."""
