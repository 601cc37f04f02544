"""What is loaded inside Rasa, in its own environment: our channel and our components. Nobody imports this package."""
