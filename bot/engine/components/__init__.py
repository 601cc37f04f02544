"""Components of Rasa's graph, one a file."""
