"""The models by the names a configuration knows them by."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from monitor.scoring.sentiment.base import SentimentModel
from monitor.scoring.sentiment.network import load_default
from monitor.scoring.sentiment.rules import load_rules
from monitor.scoring.sentiment.snownlp import load_snownlp
from monitor.scoring.sentiment.table import load_table, read_table

LOADERS: Mapping[str, Callable[[], SentimentModel]] = MappingProxyType(
    {"default": load_default, "fast": load_table, "snownlp": load_snownlp, "lexicon": load_rules}
)


def load_model(name: str) -> SentimentModel:
    """
    The model of a name, or of a file of weights as `python -m services.training` writes them; ValueError where it is none.

    A file is read each time, as it may be another by now; the others are loaded once a process.
    """
    loader = LOADERS.get(name)
    return read_table(Path(name)) if loader is None else loader()
