"""The command lines of the scripts, and of what they run. Nothing but Python is needed here."""

import argparse
import sys
from functools import partial
from pathlib import Path

BFPACK = [sys.executable, "-c", "from bfpack_spark.cli.main import main; main()"]
BUCKET = "b"


def made_folder(path: str) -> Path:
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_COMMON: dict[str, dict[str, object]] = {
    "work": {"type": made_folder, "required": True, "help": "folder for corpora and output"},
    "tokenizer": {"type": Path, "help": "default: one of 16k that is trained here"},
    "runs": {"type": int, "default": 3},
    "peers": {"help": "python of the peers' environment; without it, ours alone"},
    "seq-len": {"type": int, "default": 2048},
}


def parser_of(docstring: str | None, *common: str) -> argparse.ArgumentParser:
    """Return a parser whose help is the docstring of a script, with these of the common options."""
    parser = argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in common:
        parser.add_argument(f"--{name}", **_COMMON[name])  # type: ignore[arg-type]
    return parser


def flags(**values: object) -> list[str]:
    """Return options of a command: seq_len=8 -> ["--seq-len", "8"]."""
    pairs = ((f"--{name.replace('_', '-')}", str(value)) for name, value in values.items())
    return [part for pair in pairs for part in pair]


def bfpack(name: str, output: Path, *more: str, heap: str = "", **values: object) -> list[str]:
    """Return a command of bfpack on this output. No plan is broadcast, as none could be at
    scale."""
    of_spark = {"spark.sql.autoBroadcastJoinThreshold": "-1"}
    of_spark |= {"spark.driver.memory": heap} if heap else {}
    settings = [f"--spark-conf={key}={value}" for key, value in of_spark.items()]
    where = flags(output=output, bucket=BUCKET, **values)
    return [*BFPACK, name, *where, *more, *settings]


bfpack_4g = partial(bfpack, heap="4g")  # the heap is fixed, so that peaks compare
