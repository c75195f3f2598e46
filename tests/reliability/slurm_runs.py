"""Runs of this project on the Slurm cluster of the tests, and what of them is at work."""

import shlex
import subprocess
import sys
import time
from pathlib import Path

import psutil

from pipeline.config.paths import ROOT

LIMIT_S = 240
MANAGER = "high_throughput.process_worker_pool"  # of Parsl, one a node of a block
CONFIG = """
import sys
from pathlib import Path
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import SlurmProvider

def executor(label, workers):
    return HighThroughputExecutor(
        label=label, address="127.0.0.1", max_workers_per_node=workers, cores_per_worker=1,
        provider=SlurmProvider(
            partition={partition!r}, exclusive=False, nodes_per_block=1, init_blocks=0, max_blocks=3,
            walltime={walltime!r}, worker_init={worker_init!r},
        ),
    )

config = Config(executors=[executor("measure", 2), executor("reduce", 1)], strategy_period=1)
"""


def executor_file(folder, *, partition="normal", walltime="00:20:00", init=""):
    programs, root = (shlex.quote(str(one)) for one in (ROOT / ".venv" / "bin", ROOT))
    environment = f"export PATH={programs}:$PATH PYTHONPATH={root}"
    path = folder / f"slurm-{time.monotonic_ns()}.py"
    path.write_text(
        CONFIG.format(
            partition=partition, walltime=walltime, worker_init=f"{environment}\n{init}\n"
        )
    )
    return path


def command(folder, work):
    return [
        sys.executable, str(ROOT / "build_report.py"), "--source", "cubes",
        "--cubes", str(folder / "cubes"), "--config", str(folder / "report.toml"),
        "--work", str(work), "--until", "statistics",
    ]  # fmt: skip


def start(cluster, campaign, work, executor, cwd):
    """A run on the cluster in a process group of its own; its log lies beside the work folder."""
    cwd.mkdir(exist_ok=True)
    with (cwd / "run.log").open("a") as log:
        return subprocess.Popen(
            [*command(campaign[0], work), "--executor", str(executor)],
            env={**cluster.environment, "PYTHONPATH": str(ROOT)},
            cwd=cwd,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for(condition, what, limit_s=LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def parsl_processes(work):
    """Processes of Parsl that belong to a work folder."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [
        line
        for line in listed.stdout.splitlines()
        if ("parsl" in line or "pipeline.workflow.interchange" in line) and str(work) in line
    ]


def parsl_children(work: Path, kind: str) -> list[psutil.Process]:
    """Managers and workers of blocks, or the interchange, that belong to a work folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if kind in line and str(work) in line:
            found.append(process)
    return found
