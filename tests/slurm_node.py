"""A real one-node Slurm on the loopback interface, for the duration of a test.

Needs Debian's packages slurm-wlm and munge, and root. Not shipped.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.states import wait_until

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "sinfo", "scancel"]

SETTINGS = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def what_is_missing() -> str:
    """Why Slurm cannot be started here; empty if it can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "Slurm's daemons are started as root"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class SlurmNode:
    """Start munge, the controller and one node; stop them by their process ids."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "slurm.conf"
        self.munge_pid = Path("/run/munge/munged.pid")

    def __enter__(self) -> Self:
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        host = socket.gethostname().split(".")[0]
        self.settings.write_text(
            SETTINGS.format(
                host=host,
                folder=self.folder,
                controller_port=free_port(),
                node_port=free_port(),
            )
        )
        self.start_munge()
        os.environ["SLURM_CONF"] = str(self.settings)
        subprocess.run(["slurmctld", "-c"], check=True)
        subprocess.run(["slurmd"], check=True)
        self.wait_for("idle")
        return self

    def start_munge(self) -> None:
        self.munge_pid.parent.mkdir(parents=True, exist_ok=True)
        shutil.chown(self.munge_pid.parent, "munge", "munge")
        if not self.munge_pid.exists():
            subprocess.run(["runuser", "-u", "munge", "--", "munged"], check=True)

    def wait_for(self, state: str) -> None:
        wait_until(lambda: state in output_of("sinfo", "-h", "-o", "%T"))

    def __exit__(self, *exception: object) -> None:
        self.end_jobs()
        for file in (
            self.folder / "slurmd.pid",
            self.folder / "slurmctld.pid",
            self.munge_pid,
        ):
            if file.exists():
                os.kill(int(file.read_text()), signal.SIGTERM)
        del os.environ["SLURM_CONF"]

    def end_jobs(self) -> None:
        """Kill them, or they would outlive their Slurm."""
        wait_until(lambda: not output_of("squeue", "--noheader"), kill_jobs)


def kill_jobs() -> None:
    subprocess.run(["scancel", "--full", "--signal=KILL", f"--user={os.getuid()}"])
    subprocess.run(["scancel", f"--user={os.getuid()}"])
    time.sleep(0.5)


def output_of(program: str, *arguments: str) -> str:
    """The standard output of a program."""
    return subprocess.run([program, *arguments], capture_output=True, text=True).stdout
