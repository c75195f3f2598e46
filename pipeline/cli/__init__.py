"""The command line."""

import os

# before numpy is imported: matrices here are small, and jobs are processes; threads of a linear algebra
# library that wait for each other cost 50 times the work on a busy machine
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
