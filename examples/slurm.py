"""Executors on a Slurm cluster: `python build_report.py --executor examples/slurm.py`.

Copy it, set partition and account. The working folder must be on a file system that all nodes see,
and the virtual environment must be the one that runs `build_report.py`.
"""

import sys
from pathlib import Path

from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import SlurmProvider

ENVIRONMENT = Path(sys.executable).parent

config = Config(
    executors=[
        HighThroughputExecutor(
            label="measure",  # one exposure: two cores, 2 GB, seconds to minutes
            cores_per_worker=2,
            mem_per_worker=2,
            provider=SlurmProvider(
                partition="normal",
                account=None,
                nodes_per_block=1,
                init_blocks=1,
                min_blocks=0,
                max_blocks=20,
                walltime="04:00:00",
                worker_init=f"export PATH={ENVIRONMENT}:$PATH OMP_NUM_THREADS=2",
            ),
        )
    ],
    retries=1,
    usage_tracking=0,
)
