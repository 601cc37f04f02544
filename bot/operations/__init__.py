"""Set-up checks, training and start of the processes: what the command line does, never what a request does.

checks.py          what this machine lacks, each time as a sentence
rasa_files.py      what Rasa needs written out from the topics
model_files.py     the model's files: what it was made from, whether that changed, which ones are kept
training.py        `rasa train`, with progress
preparation.py     the database, migrated and loaded once
configuration.py   what supervisor is told to run
processes.py       supervisor, started, driven through its socket, ended
run.py             the demonstration, from nothing to the addresses printed
"""
