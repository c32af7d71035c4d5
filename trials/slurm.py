"""A real Slurm of one node on this machine, for as long as it is needed.

    python -m trials.slurm -- .venv/bin/python -m pipeline.build --profile smoke --machine slurm

It takes root and Debian's packages `slurm-wlm` and `munge`, which are installed where they are missing. The
controller, the node's daemon and munge listen on this machine alone; their state lies in a temporary folder.
There is no accounting: jobs are asked after with `squeue`. The GPU of the node is none, but is handed out.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

PACKAGES = ("slurm-wlm", "munge")
CONFIGURATION = Path("/etc/slurm/slurm.conf")  # where srun inside a job looks, whatever SLURM_CONF says
GPUS = Path("/etc/slurm/gres.conf")
KEY = Path("/etc/munge/munge.key")
# What a cluster without an accounting database, whose jobs are short, needs of Snakemake's plugin.
OPTIONS = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5")
NO_SLURM = 3  # exit code
_SECONDS = 60  # for a daemon to answer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class NoSlurmError(RuntimeError):
    """There is no Slurm to be had on this machine."""


@contextmanager
def cluster() -> Iterator[None]:
    """Run a Slurm of one node with this machine's cores and memory until the block is left.

    Raises:
        NoSlurmError: This is not root, the packages cannot be installed, or a Slurm is configured here.
        RuntimeError: A daemon does not answer.
    """
    if os.geteuid() != 0:
        raise NoSlurmError("starting a Slurm takes root")
    _install()
    if CONFIGURATION.exists():
        raise NoSlurmError(f"{CONFIGURATION} is there already: this machine belongs to a cluster")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        folder.chmod(0o755)  # munge runs as a user of its own
        for path, text in ((CONFIGURATION, _configuration(folder)), (GPUS, "Name=gpu File=/dev/null\n")):
            stack.callback(path.unlink, missing_ok=True)
            path.write_text(text)
        stack.enter_context(_daemon(_munge(folder), ["munge", "--no-input"]))
        stack.enter_context(_daemon(["slurmctld", "-D"], ["scontrol", "ping"]))
        stack.enter_context(_daemon(["slurmd", "-D"], ["srun", "--time=1", "true"]))
        stack.callback(_end_jobs)
        yield


def _end_jobs() -> None:
    """Cancel what is left in the queue, and wait until it has gone: jobs outlive the daemons."""
    subprocess.run(["scancel", "--user=root"], check=False)
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and subprocess.check_output(["squeue", "--noheader"]):
        time.sleep(0.5)


def _install() -> None:
    if all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        return
    if not shutil.which("apt-get"):
        raise NoSlurmError(f"there is no Slurm here, and no apt-get to install {' and '.join(PACKAGES)}")
    asking_nothing = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", *command], check=True, env=asking_nothing, stdout=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        raise NoSlurmError(f"{' and '.join(PACKAGES)} could not be installed: {error}") from error


def _configuration(folder: Path) -> str:
    """Return the configuration of a cluster whose one node is this machine."""
    here = socket.gethostname().partition(".")[0]
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    memory = int(0.9 * pages * size / 2**20)
    state, spool = folder / "state", folder / "spool"
    state.mkdir()
    spool.mkdir()
    settings = {
        "ClusterName": "one",
        "SlurmctldHost": f"{here}(127.0.0.1)",
        "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",  # else they listen on every interface
        "AuthType": "auth/munge",
        "SlurmUser": "root",
        "SlurmdUser": "root",
        "StateSaveLocation": state,
        "SlurmdSpoolDir": spool,
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd.pid",
        "SlurmctldLogFile": folder / "slurmctld.log",
        "SlurmdLogFile": folder / "slurmd.log",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "JobAcctGatherType": "jobacct_gather/linux",
        "AccountingStorageType": "accounting_storage/none",
        "ReturnToService": "2",
        "MpiDefault": "none",
        "GresTypes": "gpu",
    }
    node = f"{here} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={memory} Gres=gpu:1 State=UNKNOWN"
    partition = "main Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
    lines = [f"{name}={value}" for name, value in settings.items()]
    return "\n".join([*lines, f"NodeName={node}", f"PartitionName={partition}", ""])


def _munge(folder: Path) -> list[str]:
    """Return the command of munge, as its own user, with all that it writes below a folder but the socket."""
    own = folder / "munge"
    socket_folder = Path("/run/munge")
    for place in (own, socket_folder):
        place.mkdir(exist_ok=True, parents=True)
        place.chmod(0o755)
        shutil.chown(place, "munge", "munge")
    files = [f"--pid-file={own}/pid", f"--log-file={own}/log", f"--seed-file={own}/seed"]
    as_munge = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups"]
    return [*as_munge, "munged", "--foreground", f"--key-file={KEY}", *files]


@contextmanager
def _daemon(command: Sequence[str], asked: Sequence[str]) -> Iterator[None]:
    """Run a daemon in the foreground until the block is left; it is up when a question to it succeeds."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + _SECONDS
            while subprocess.run(asked, capture_output=True, check=False).returncode:
                if process.poll() is not None or time.monotonic() > end:
                    said.seek(0)
                    raise RuntimeError(f"{command[0]} does not answer: {said.read().decode()[-2000:]}")
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait()


@app.command()
def main(command: Annotated[list[str], typer.Argument(help="What to run while there is a Slurm.")]) -> None:
    """Run a command while this machine is a Slurm of one node; exit as it does, or with 3 without a Slurm."""
    try:
        with cluster():
            code = subprocess.run(command, check=False).returncode
    except NoSlurmError as error:
        typer.echo(f"error: no Slurm: {error}.", err=True)
        raise typer.Exit(NO_SLURM) from error
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
