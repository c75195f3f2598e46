"""A Slurm cluster on this machine: munged, one controller and three nodes, in a folder of its own."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

N_NODES = 3
START_LIMIT_S = 60
PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
CONF = """
ClusterName=reliability
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=5
MessageTimeout=60
SlurmdTimeout=300
SchedulerParameters=sched_interval=2,sched_min_interval=1
NodeName=node[1-{n_nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports}] CPUs=2 RealMemory=4000
PartitionName=normal Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def is_installed() -> bool:
    """Whether this machine has all programs of Slurm."""
    return all(shutil.which(name, path=_path()) for name in PROGRAMS)


def _path() -> str:
    return os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class Cluster:
    """A running cluster; ``environment`` makes Slurm's commands speak to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen] = []
        self.environment = {
            **os.environ,
            "PATH": _path(),
            "SLURM_CONF": str(folder / "slurm.conf"),
        }

    def start(self) -> None:
        """Start everything and wait until the nodes are idle."""
        folder = self.folder
        (folder / "state").mkdir()
        first = 20000 + os.getpid() % 20000  # a range of ports, one a node
        conf = CONF.format(
            folder=folder,
            host=socket.gethostname(),
            user=getpass.getuser(),
            controller_port=_free_port(),
            n_nodes=N_NODES,
            ports=f"{first}-{first + N_NODES - 1}",
        )
        (folder / "slurm.conf").write_text(conf)
        key = folder / "munge.key"
        self._call("mungekey", "--create", f"--keyfile={key}")
        self._begin(
            "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid",
            f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed",
        )  # fmt: skip
        self._wait_for(lambda: (folder / "munge.socket").exists(), "munged")
        self._begin("slurmctld", "-D", "-f", str(folder / "slurm.conf"))
        for number in range(1, N_NODES + 1):
            (folder / f"spool-node{number}").mkdir()
            self._begin("slurmd", "-D", "-N", f"node{number}", "-f", str(folder / "slurm.conf"))
        self._wait_for(lambda: self.nodes().count("idle") == N_NODES, "slurmctld and slurmd")

    def _begin(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("a") as log:
            self._processes.append(
                subprocess.Popen(
                    command, env=self.environment, stdout=log, stderr=log, start_new_session=True
                )
            )

    def _call(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout if done.returncode == 0 else ""

    def _wait_for(self, condition, what: str) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text()[-1000:] for path in self.folder.glob("*.log"))
                raise RuntimeError(f"{what} did not start\n{logs}")
            time.sleep(0.2)

    def nodes(self) -> list[str]:
        """State of every node."""
        return self._call("sinfo", "--noheader", "--Node", "--format=%T").split()

    def jobs(self) -> list[str]:
        """Ids of the jobs that wait, run or end just now."""
        return self._call("squeue", "--noheader", "--format=%i").split()

    def running(self) -> list[str]:
        """Ids of the jobs that run."""
        return self._call("squeue", "--noheader", "--states=R", "--format=%i").split()

    def cancel(self, *jobs: str) -> None:
        """Cancel jobs, or all of them."""
        self._call("scancel", *(jobs or self.jobs()))

    def update_node(self, name: str, state: str) -> None:
        """Drain a node, or take it back."""
        self._call("scontrol", "update", f"NodeName={name}", f"State={state}", "Reason=test")

    def stop(self) -> None:
        """End everything that was started."""
        with suppress(subprocess.TimeoutExpired):
            self.cancel()
        for process in reversed(self._processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
