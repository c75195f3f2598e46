"""How often intervals hold the truth, and tests raise false alarms, over simulated campaigns."""

import os

# before numpy is imported: matrices of 65 x 65 gain nothing from threads, and lose much on a busy machine
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
