"""
The service killed with SIGKILL, and held still by SIGSTOP, again and again, while mentions are pushed and staff act through its API.

    python -m tests.chaos [--bus sqlite|kafka] [--kills N] [--seed S] [--minutes M] [--held LEAST MOST] [--fault clock|down|full]…

Then its history is held against the log decided once more by somebody who was never killed. Prints every difference and one line of
verdict; exit code 1, and the folder kept, when there is a difference.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

from rich.console import Console
from rich.progress import Progress

from tests.chaos.run import FAULTS, Asked, Verdict, run
from tests.chaos.town import TOWNS

_SHOWN = 2_000  # characters of one difference


def asked(arguments: Sequence[str]) -> Asked:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.split("\n\n")[0])
    parser.add_argument("--bus", choices=sorted(TOWNS), default="sqlite")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="stop after so long, however few kills there were")
    parser.add_argument("--held", type=float, nargs=2, default=(5.0, 15.0), metavar=("LEAST", "MOST"), help="seconds of a SIGSTOP")
    parser.add_argument(
        "--fault", action="append", choices=FAULTS, default=[], help="the wall clock set by an hour; the receiver down; the disk full"
    )
    found = parser.parse_args(arguments)
    if "full" in found.fault and found.bus != "sqlite":
        parser.error("--fault full is for --bus sqlite: the disks of servers are not ours")
    least, most = found.held
    return Asked(found.bus, found.kills, found.seed, found.minutes, (least, most), tuple(found.fault))


def line_of(verdict: Verdict, wanted: Asked, seconds: float) -> str:
    """The verdict in one line."""
    counts = ", ".join(f"{count} {name}" for name, count in verdict.counts.items())
    blows = ", ".join(f"{count} {name}" for name, count in sorted(verdict.blows.items()))
    faults = f", faults {' '.join(wanted.faults)}" if wanted.faults else ""
    return f"{'DIFFERENT' if verdict.wrong else 'EQUAL'}: {counts}; {blows}; seed {wanted.seed} on {wanted.bus}{faults}, {seconds:.0f} s"


def main(arguments: Sequence[str]) -> int:
    """The program."""
    wanted, began, console = asked(arguments), time.monotonic(), Console(file=sys.stderr)
    folder = Path(mkdtemp(prefix="yuqing-chaos-"))
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        verdict = run(wanted, folder, progress)
    sys.stdout.write("".join(f"{one[:_SHOWN]}\n" for one in verdict.wrong))
    sys.stdout.write(f"{line_of(verdict, wanted, time.monotonic() - began)}\n")
    if verdict.wrong:
        sys.stdout.write(f"what it worked on is kept: {folder}\n")
    else:
        shutil.rmtree(folder)
    return int(bool(verdict.wrong))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
