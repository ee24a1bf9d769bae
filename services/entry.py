"""What the terminal starts: quiet also while the rest is still being imported."""

import gc
import signal
import sys

INTERRUPTED, TERMINATED = 130, 143
SELDOM = (50_000, 20, 100)  # a desk holds a million objects and makes few rings: looking for those took a quarter of its time


def main() -> None:
    """`yuqing`; a signal before anything is open ends it without a word."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    gc.set_threshold(*SELDOM)
    try:
        from services.cli import main as cli  # noqa: PLC0415 -- imported here so that an interruption of it is ours to handle

        cli()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
