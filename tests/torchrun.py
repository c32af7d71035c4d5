"""Starts the processes of torchrun in tests, and looks after them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def start(processes: int, *given: object) -> "subprocess.Popen[str]":
    """Start a program, or a module after `-m`, in some processes, from the repository's root."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not --standalone: that way to meet unpickles what anyone may have put into its store.
    launch = [sys.executable, "-m", "torch.distributed.run", "--master-port", str(port)]
    launch += ["--nproc-per-node", str(processes)]
    return subprocess.Popen(
        [*launch, *map(str, given)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(running: "subprocess.Popen[str]", seconds: float = 200) -> tuple[int, str, list[str]]:
    """Wait, and return the exit status, what was printed, and the errors that lintune told."""
    out, err = running.communicate(timeout=seconds)
    lines = err.replace("\r", "\n").splitlines()
    return running.returncode, out, [line for line in lines if line.startswith("error: ")]


def worker(running: "subprocess.Popen[str]", rank: int) -> int:
    """Return the process id of a rank: of torchrun's children the one that was told so."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            told = (folder / "environ").read_bytes().split(b"\0") if parent == running.pid else []
        except OSError:  # it has ended meanwhile, or is another user's
            continue
        if f"RANK={rank}".encode() in told:
            return int(folder.name)
    raise ProcessLookupError(f"rank {rank} is not there.")
