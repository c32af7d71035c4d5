"""What Jupyter starts and signals in place of a kernel that the warm process forks, and that it asks for.

Where no warm process answers, it becomes an ordinary kernel itself. It imports what it needs for that alone.
"""

import json
import os
import signal
import socket
import sys

# Isolated and without site packages: it is there in a hundredth of a second.
COMMAND = [sys.executable, "-I", "-S", __file__, "-f", "{connection_file}"]


def asked(arguments: list[str]) -> tuple[socket.socket, int] | None:
    """Ask for a kernel; return the connection, open as long as the kernel lives, and its process."""
    try:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(os.environ["LINTUNE_KERNELS"])
        wanted = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}
        connection.sendall(json.dumps(wanted).encode() + b"\n")
        return connection, int(connection.makefile().readline())
    except (KeyError, OSError, ValueError):  # ValueError: it ended, or refused, before it named a process
        return None


def main(arguments: list[str]) -> None:
    """Stand in for a kernel with these command-line arguments, until it or what started us has ended."""
    parent = os.getppid()
    kernel = asked(arguments)
    if kernel is None:
        os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", *arguments])
    connection, process = kernel
    signal.signal(signal.SIGINT, lambda *_: os.kill(process, signal.SIGINT))
    connection.settimeout(1)  # seconds
    while os.getppid() == parent:
        try:
            connection.recv(1)  # nothing is said any more: it returns when the kernel has ended
            return
        except TimeoutError:
            continue


if __name__ == "__main__":
    main(sys.argv[1:])
