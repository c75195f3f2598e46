"""The command line."""

import gc
import os

# before numpy is imported: matrices here are small, and jobs are processes; threads of a linear algebra
# library that wait for each other cost 50 times the work on a busy machine
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# imports and tables make millions of objects that stay: looking for cycles among them at every 700th new
# one takes a tenth of a run that has nothing to do
gc.set_threshold(50_000, 20, 100)
