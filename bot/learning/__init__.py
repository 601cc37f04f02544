"""What people say: utterances that formateurs keep, the inbox of what was not understood, models and their training."""
