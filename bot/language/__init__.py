"""French as people type it: normalisation, short replies, n-grams, the urgent recogniser, the trained reader. Numpy at most; valid on Python 3.10."""
