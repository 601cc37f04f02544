"""French as people type it: normalisation, short replies, the urgent recogniser. No model; valid on Python 3.10."""
