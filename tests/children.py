"""Servers that tests start end with them, however they end: nothing is left running."""

import ctypes
import signal
from collections.abc import Callable

_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl  # looked up before the fork: little may be done between it and the program


def ending_with_us(number: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends the child this signal when the thread that started it is gone."""

    def ask() -> None:
        _prctl(_PDEATHSIG, number)

    return ask
