"""Set-up checks, training and start of the processes: what the command line does, never what a request does.

checks.py      what this machine lacks, each time as a sentence
training.py    is the model stale, train it, keep the newest ones
processes.py   supervisor: its configuration, its programs, its control by a socket
run.py         the demonstration, from nothing to the addresses printed
"""
