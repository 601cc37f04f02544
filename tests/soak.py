"""How long the proofs that have a long form are: short in `make test`, long in `make soak`."""

from __future__ import annotations

import os

LONG = os.environ.get("ASSISTENT_SOAK") == "1"

# Everything that can be longer is this many times longer: examples drawn, faults inflicted. 15 keeps `make soak` under
# forty minutes on two cores.
TIMES = 15 if LONG else 1
