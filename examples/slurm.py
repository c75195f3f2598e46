"""Executors on a Slurm cluster: `python build_report.py --executor examples/slurm.py`.

Copy it, set partition and account. The working folder must be on a file system that all nodes see,
and the virtual environment must be the one that runs `build_report.py`. "reduce" is asked for with
--source archive only. Run folder, heartbeats and retries are set by the project: blocks end within a
minute when the run that asked for them has ended. See docs/operators.md for sizes.
"""

import shlex
import sys
from pathlib import Path

from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import SlurmProvider

ENVIRONMENT = Path(sys.executable).parent


def slurm(walltime: str, max_blocks: int, threads: int) -> SlurmProvider:
    """Nodes, one at a time, at most so many, for at most so long."""
    return SlurmProvider(
        partition="normal",
        account=None,
        nodes_per_block=1,
        init_blocks=0,
        min_blocks=0,
        max_blocks=max_blocks,
        walltime=walltime,
        worker_init=f"export PATH={shlex.quote(str(ENVIRONMENT))}:$PATH OMP_NUM_THREADS={threads}",
    )


config = Config(
    executors=[
        HighThroughputExecutor(
            label="measure",  # one exposure: two cores, 2 GB, seconds to minutes
            cores_per_worker=2,
            mem_per_worker=2,
            provider=slurm("04:00:00", max_blocks=20, threads=2),
        ),
        HighThroughputExecutor(
            label="reduce",  # one night: a whole node of at least 32 GB, an hour or more
            max_workers_per_node=1,
            provider=slurm("24:00:00", max_blocks=100, threads=1),
        ),
    ],
)
