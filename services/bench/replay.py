"""
`replay` and `memory`: a stream through the whole durable pipeline, as a process of its own, beside the naive loop.

`memory` is the peak of that process; its baseline the peak of its first half: a ratio near 1 says that what it holds does not grow with
what has passed through.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, sleep

from monitor.errors import YuqingError
from services.bench.figure import Figure, figure
from services.bench.naive import naive_rate

_MIB = 1 << 20
_EVERY = 0.25
PROGRAM = (sys.executable, "-c", "from services.cli import main; main()")


def measure_replay(folder: Path, lines: Sequence[bytes], names: Sequence[str]) -> dict[str, Figure]:
    """Both figures of one run."""
    folder.mkdir(parents=True)
    stream, config = folder / "stream.jsonl", write_config(folder, names)
    stream.write_bytes(b"\n".join(lines))
    seconds, memory = replayed(stream, config)
    first = max(memory[: max(1, len(memory) // 2)])
    rate, naive = len(lines) / seconds, naive_rate(lines, names)
    return {
        "replay": figure(rate, "mentions/s", naive, len(lines), seconds=round(seconds, 1), cores=os.cpu_count() or 1),
        "memory": figure(max(memory), "MiB", first, len(lines), less_is_better=True),
    }


def write_config(folder: Path, names: Sequence[str], more: str = "") -> Path:
    """A configuration that watches these names and keeps its data beside itself."""
    file = folder / "yuqing.yaml"
    subjects = "".join(f"  - {{name: '{name}', rules: ['{name}']}}\n" for name in names)
    file.write_text(f"organisation: bench\ndata: ./var\n{more}subjects:\n{subjects}", "utf-8")
    return file


def replayed(stream: Path, config: Path) -> tuple[float, list[float]]:
    """Seconds of `yuqing replay`, its start included, and what it held (MiB) sampled four times a second."""
    started = perf_counter()
    command = [*PROGRAM, "replay", str(stream), "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:  # noqa: S603 our own program
        samples: list[float] = []
        watcher = threading.Thread(target=_watch, args=(process, samples), daemon=True)
        watcher.start()
        said = process.communicate()[1]
    if process.returncode != 0:
        raise YuqingError(f"bench: replay 未能完成（退出码 {process.returncode}）：{said.decode('utf-8', 'replace')[-500:]}")
    watcher.join()
    return perf_counter() - started, samples or [resident(os.getpid())]


def resident(pid: int) -> float:
    """The MiB a process holds now, 0 when it has gone: by /proc, by ps where there is none."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB
    except FileNotFoundError:
        asked = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603, S607 every Unix has it
        return int(asked.stdout.strip() or 0) / 1024
    except (OSError, ValueError, IndexError):
        return 0.0


def _watch(process: subprocess.Popen[bytes], samples: list[float]) -> None:
    while process.poll() is None:
        held = resident(process.pid)
        if held:
            samples.append(held)
        sleep(_EVERY)
