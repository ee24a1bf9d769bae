"""`python -m services.training --data FOLDER`: from the public sets to the shipped weights and the model card; same seed, same bytes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from monitor.errors import failed_zh
from monitor.logs import visible
from services.training.corpus import Unreadable, read_staff
from services.training.steps import NAMES, Steps, is_step

DONE, WRONG, INTERRUPTED = 0, 2, 130
WEIGHTS = Path(__file__).parents[2] / "monitor" / "scoring" / "sentiment" / "weights"


def main(arguments: Sequence[str] | None = None) -> int:
    """Everything, or the steps asked for."""
    parser = argparse.ArgumentParser(prog="python -m services.training", description="Trains the shipped sentiment and emotion models.")
    parser.add_argument("--data", type=Path, required=True, help="the folder of NAME.tsv.gz")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go; absent: into the package")
    parser.add_argument("--work", type=Path, default=Path("var/training"), help="what is kept between steps")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=20_000, help="texts of a set")
    parser.add_argument(
        "--staff", type=Path, action="append", default=[], metavar="FILE",
        help="also learn what people judged, as written by `yuqing sentiment export`; may be given again",
    )  # fmt: skip
    parser.add_argument("--steps", default="vectors,learn,folds,ship", help="which, in this order")
    asked = parser.parse_args(arguments)
    try:
        _run(asked)
    except Unreadable as error:
        wrong = str(error)
    except OSError as error:
        wrong = f"{error.filename or '输入输出'}: {failed_zh(error)}，请检查路径、权限和磁盘空间，前面的步骤是否做过"
    except KeyboardInterrupt:
        return INTERRUPTED
    else:
        return DONE
    sys.stderr.write(f"{visible(wrong)}\n")
    return WRONG


def _run(asked: argparse.Namespace) -> None:
    """The steps in their order, once all that was asked for is known to make sense."""
    names = asked.steps.split(",")
    for name in names:
        if not is_step(name):
            raise Unreadable(f"没有 {name or '空的'} 这一步，只有 {', '.join(NAMES)} 和 fold:组名")
    if not asked.data.is_dir():
        raise Unreadable(f"{asked.data}: 没有这个目录，--data 是放公开数据集（名称.tsv.gz）的目录")
    if asked.most < 1:
        raise Unreadable(f"--most {asked.most}: 每集至少要一条")
    staff = read_staff(asked.staff)
    asked.work.mkdir(parents=True, exist_ok=True)
    steps = Steps(asked.data, asked.work, asked.out, asked.seed, asked.most, staff)
    for name in names:
        sys.stderr.write(f"{name}…\n")
        steps.run(name)


if __name__ == "__main__":
    sys.exit(main())
