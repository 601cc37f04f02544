"""The pages of formateurs: articles, inbox, models, waves. They share the console's frame, session and gate."""
