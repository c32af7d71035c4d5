"""The warm process: it has imported what notebooks import of other packages, and forks into their kernels.

No module of `lintune` is imported: one that is edited while a build lasts must be met as it is when a
notebook begins. A kernel with another number of threads starts as an ordinary one, since the libraries below
torch read that number when they are loaded.
"""

import atexit
import gc
import importlib
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.variables import variables

ADDRESS = "LINTUNE_KERNELS"  # environment variable: threads of the warm process, colon, path of its socket
# Snakemake sets all of them for its jobs.
THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS"),
    *("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
IMPORTED = (
    *("torch", "transformers.models.llama.modeling_llama", "transformers.models.roberta.modeling_roberta"),
    *("transformers.models.auto.tokenization_auto", "transformers.convert_slow_tokenizer"),
    *("numpy", "scipy.stats", "sklearn.linear_model", "pandas", "matplotlib.pyplot"),
    *("myst_nb", "rich.table", "ipykernel.kernelapp"),
)


def environment() -> dict[str, str]:
    """Return the variables of every kernel that count while it imports: figures go into the notebook."""
    # tqdm misses ipywidgets; the pages are static and do without.
    warnings = filter(None, ["ignore:IProgress not found", os.environ.get("PYTHONWARNINGS")])
    return {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONWARNINGS": ",".join(warnings),
    }


@contextmanager
def kernels(threads: int) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a warm process while the block lasts, for kernels with so many threads; notebooks find it."""
    # A folder of this user alone. The path of a socket has at most 107 characters, and TMPDIR may have more.
    with tempfile.TemporaryDirectory(prefix="lintune-", dir="/tmp") as folder:
        address = str(Path(folder) / "kernels")
        process = _started(address, threads)
        try:
            with variables({ADDRESS: f"{threads}:{address}"}):
                yield process
        finally:
            process.terminate()
            process.wait()


def _started(address: str, threads: int) -> subprocess.Popen[bytes]:
    variables = os.environ | environment() | dict.fromkeys(THREADS, str(threads))
    variables["CUDA_VISIBLE_DEVICES"] = ""  # until it is forked: a CUDA that was asked does not survive that
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()  # who asks before the process is there waits for it
        ours = [str(listening.fileno()), str(os.getpid())]
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.kernels.warm", *ours],
            env=variables,
            pass_fds=[listening.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for the build, which then ends us
        )


class _Warm(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Answers each connection in a fork of this process, and ends with the process that started it."""

    block_on_close = False

    def __init__(self, listening: socket.socket, parent: int) -> None:
        super().__init__(listening.getsockname(), _Kernel, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.parent = parent

    def service_actions(self) -> None:
        super().service_actions()
        if os.getppid() != self.parent:
            shutil.rmtree(Path(self.socket.getsockname()).parent, ignore_errors=True)
            os._exit(1)


class _Kernel(socketserver.StreamRequestHandler):
    """The fork: it takes the place, the variables and the arguments of who asked, and becomes a kernel."""

    server: _Warm

    def handle(self) -> None:
        self.server.socket.close()  # whoever asks after the warm process has ended must not wait for us
        os.setsid()  # a group of its own, as Jupyter gives its kernels: signals reach what it starts
        wanted = json.loads(self.rfile.readline())
        os.environ.clear()
        os.environ.update(wanted["environment"])
        os.chdir(wanted["folder"])
        threading.Thread(target=self._end_with_stand_in, daemon=True).start()
        self.wfile.write(f"{os.getpid()}\n".encode())
        _become_kernel(wanted["arguments"])

    def _end_with_stand_in(self) -> None:
        self.request.recv(1)  # it says no more: this returns when it has gone, or we are done
        os.killpg(0, signal.SIGKILL)


def _become_kernel(arguments: list[str]) -> None:
    from ipykernel import kernelapp

    del sys.path[0]  # the working directory; IPython puts it back
    # It ends when the warm process does, whose child it is.
    sys.argv = ["ipykernel_launcher", *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    kernelapp.launch_new_instance()
    # What the end of an interpreter does; the server ends its forks without.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()


def serve(listening: socket.socket, parent: int) -> None:
    """Import what kernels import, then fork one for each that asks, until the parent has gone."""
    listening.set_inheritable(False)
    with _Warm(listening, parent) as server:
        for name in IMPORTED:
            importlib.import_module(name)
            server.service_actions()
        gc.freeze()  # what is there now need not be looked through, and so not be copied, in each fork
        server.serve_forever()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
