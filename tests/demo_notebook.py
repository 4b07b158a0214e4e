"""The notebook of scripts/, on a small output instead of the demo's."""

from pathlib import Path

from conftest import ROOT, Corpus

SOURCE = ROOT / "scripts" / "explore_packing.py"


def on_small(source: str, packed: Path, corpus: Corpus) -> str:
    """Return the source, or its cell of parameters, with the places and numbers of the suite."""
    for old, new in (
        ("../.demo/out", packed),
        ('"demo"', '"small"'),
        ("../.demo/corpus", corpus.path),
        ("../.demo/tokenizer", corpus.tokenizer),
        ("SAMPLE = 300", "SAMPLE = 30"),
    ):
        assert old in source
        source = source.replace(old, str(new))
    return source


def script(packed: Path, corpus: Corpus) -> str:
    """Return the whole notebook as one script."""
    return on_small(SOURCE.read_text(encoding="utf-8"), packed, corpus)
