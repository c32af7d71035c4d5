"""What Jupyter starts and signals in place of a kernel that the warm process forks, and that it asks for.

Where no warm process answers, it becomes an ordinary kernel itself. It imports what it needs for that alone.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress

# Isolated and without site packages: it is there in a hundredth of a second.
COMMAND = [sys.executable, "-I", "-S", __file__, "-f", "{connection_file}"]


def asked(arguments: list[str]) -> tuple[socket.socket, int] | None:
    """Ask for a kernel; return the connection, open as long as the kernel lives, and its process."""
    try:
        threads, _, address = os.environ["LINTUNE_KERNELS"].partition(":")
        if threads != os.environ.get("OMP_NUM_THREADS"):
            return None
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address)
        wanted = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}
        connection.sendall(json.dumps(wanted).encode() + b"\n")
        return connection, int(connection.makefile().readline())
    except (KeyError, OSError, ValueError):  # ValueError: it ended before it named a process
        return None


def last_as_long_as(kernel: int, connection: socket.socket, parent: int) -> None:
    """Pass signals on to a kernel, and end when it has ended; end it when what started us has gone."""

    def tell(number: int) -> None:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(kernel, number)

    def end(*_: object) -> None:
        tell(signal.SIGKILL)
        os._exit(1)

    signal.signal(signal.SIGINT, lambda number, _: tell(number))
    signal.signal(signal.SIGTERM, end)
    connection.settimeout(1)  # seconds
    while os.getppid() == parent:
        try:
            connection.recv(1)  # nothing is said any more: it returns when the kernel has ended
            return
        except TimeoutError:
            continue
    end()


def main(arguments: list[str]) -> None:
    """Stand in for a kernel with these command-line arguments."""
    parent = int(os.environ.get("JPY_PARENT_PID") or os.getppid())
    answer = asked(arguments)
    if answer is not None:
        connection, kernel = answer
        last_as_long_as(kernel, connection, parent)
    elif os.getppid() == parent:
        os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
