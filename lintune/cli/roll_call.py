"""How processes that work together end together, and one of them says why.

A process that ends before its time leaves a word for the others, in the store that torchrun keeps, and looks
who else has left one. Those that wait for it notice: their connections close, or torchrun tells them to
end. Who leaves no word was killed, or hangs.
"""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import typer
from torch.distributed import DistError
from torch.distributed.distributed_c10d import Store

from lintune.errors import CorruptFileError, DivergedError, FetchError, InputError
from lintune.kernels.ranks import LostError

# Seconds in which a process that lives leaves its word; torchrun ends by force what is there after thirty.
_GRACE = 5.0
_PAUSE = 0.05
_FORESEEN = (InputError, CorruptFileError, FetchError, DivergedError)
# Words of processes that have no reason of their own to end.
_DONE, _TOLD, _ALONE = "done", "told to end", "left alone"


class RollCall:
    """What each process has to say at its end."""

    def __init__(self, store: Store, rank: int, count: int) -> None:
        """Take part.

        Args:
            store: A store that outlives each of the processes.
            rank: Index of this process.
            count: Number of processes.
        """
        self._store = store
        self.rank = rank
        self.count = count

    def answer(self, word: str) -> dict[int, str]:
        """Leave a word, and return those of all that leave one within some seconds, by rank."""
        try:
            self.leave(word)
            until = time.monotonic() + _GRACE
            # Not by the store's own waiting, which prints a warning for everyone that does not come.
            while len(there := self._there()) < self.count and time.monotonic() < until:
                time.sleep(_PAUSE)
            return {rank: self._store.get(str(rank)).decode() for rank in there}
        except DistError:  # torchrun itself is gone, and the store with it
            return {self.rank: word}

    def leave(self, word: str) -> None:
        """Leave a word."""
        self._store.set(str(self.rank), word)

    def _there(self) -> list[int]:
        return [rank for rank in range(self.count) if self._store.check([str(rank)])]


class _ToldError(BaseException):
    """This process was told to end; `except Exception` does not keep it from that."""


@contextmanager
def ending_together(call: RollCall) -> Iterator[None]:
    """Let all processes end when one does, in order, so that what is half written is taken back.

    Raises:
        Exit: The run ended before its time, and this process has nothing to add to what was said.
    """
    before = signal.signal(signal.SIGTERM, _told)
    try:
        yield
        with suppress(DistError):  # torchrun itself is gone: nobody is to be told
            call.leave(_DONE)
    except BaseException as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        word = _word(error)
        answers = call.answer(word)
        speaks = call.rank == min(rank for rank, said in answers.items() if said != _DONE)
        if speaks and not _all_say(word, answers, call.count):
            typer.echo(f"error: {_explained(answers, call.count)}", err=True)
            speaks = False
        if speaks or not isinstance(error, (*_FORESEEN, *_FROM_OTHERS)):
            raise
        raise typer.Exit(2 if isinstance(error, _FORESEEN) else 1) from None
    finally:
        signal.signal(signal.SIGTERM, before)


# What a process ends by that has done nothing wrong itself.
_FROM_OTHERS = (LostError, DistError, _ToldError, KeyboardInterrupt)


def _told(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    # Not while an error is on its way: this process is ending already, and putting things in order.
    if sys.exc_info()[1] is None:
        raise _ToldError


def _word(error: BaseException) -> str:
    if isinstance(error, _ToldError | KeyboardInterrupt):
        return _TOLD
    if isinstance(error, _FROM_OTHERS):
        return _ALONE
    text = str(error) if isinstance(error, _FORESEEN) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def _all_say(word: str, answers: dict[int, str], count: int) -> bool:
    """Say whether all that have not done their share end for one reason of their own."""
    own = word not in (_TOLD, _ALONE)
    return own and len(answers) == count and set(answers.values()) <= {word, _DONE}


def _explained(answers: dict[int, str], count: int) -> str:
    """Return why the run ended, in one line."""
    reasons = {rank: word for rank, word in answers.items() if word not in (_DONE, _TOLD, _ALONE)}
    gone = [rank for rank in range(count) if rank not in answers]
    if reasons:
        why = " ".join(f"rank {rank} of {count} stopped: {word}" for rank, word in reasons.items())
    elif gone:
        whom = ", ".join(f"rank {rank}" for rank in gone)
        why = f"{whom} of {count} is gone: killed, as for want of memory, or silent for --patience seconds."
    elif _ALONE in answers.values():
        why = "a process waited for another for --patience seconds."
    else:
        why = "the processes were told to end."
    return f"{why} All have ended, nothing was written, and what was there is as it was." + (
        " Give the command again, with fewer processes if memory was short." if gone and not reasons else ""
    )
