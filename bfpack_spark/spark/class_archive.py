"""An archive of Spark's classes. Java maps it, and need not find, check and link each class.

    python -P -m bfpack_spark.spark.class_archive

This command makes it beside the installed packages, in half a minute and 180 MB. Sessions that
bfpack starts are then ready some 3 s sooner, and take that much less CPU. Without an archive, or
with one that is incomplete or belongs to another Java or other jars, they start without its help.
The archive is Java's class data sharing: JEP 310 and 350.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers

from bfpack_spark.spark.session import ARCHIVE_END, CLASS_ARCHIVE, java_options

_EOS = "<|endoftext|>"
_LAST_LINES = 4  # the reason of Java, and the message of bfpack that it has no JVM


def main() -> None:
    """Make the archive. Exit with 1 and the reason if Java makes none."""
    try:
        make_archive(CLASS_ARCHIVE)
    except (OSError, RuntimeError) as error:
        sys.exit(f"No archive of Spark's classes, so sessions start some 3 s later: {error}")


def make_archive(path: Path) -> None:
    """Make an archive of the classes that a small `bfpack pack` loads. The file is replaced once
    the new one is complete.

    Raise RuntimeError, with the last lines that were printed, if Java made none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-") as folder:
        made = Path(folder) / path.name
        options = (f"-XX:ArchiveClassesAtExit={made}", "-Xlog:cds*=warning:stderr")
        ran = _pack(Path(folder), java_options(*options))
        if ran.returncode or not made.exists():
            raise RuntimeError("\n".join(ran.stdout.strip().splitlines()[-_LAST_LINES:]))
        made.chmod(0o644)  # Java makes it read-only
        with made.open("ab") as file:
            file.write(ARCHIVE_END)
        made.replace(path)


def _pack(folder: Path, options_of_java: str) -> subprocess.CompletedProcess[str]:
    """Pack a little text with a JVM that has these options, and wait until the JVM has ended."""
    _write_corpus(folder / "corpus.parquet")
    _write_tokenizer(folder / "tokenizer.json")
    options = {
        "--input": folder / "corpus.parquet",
        "--output": folder / "output",
        "--tokenizer": folder / "tokenizer.json",
        "--bucket": "b",
        "--id-column": "doc_id",
        "--seq-len": 128,
        "--spark-conf": f"spark.driver.extraJavaOptions={options_of_java}",
    }
    told = [str(part) for name, value in options.items() for part in (name, value)]
    start = "from bfpack_spark.cli.main import main; main()"
    command = [sys.executable, "-P", "-c", start, "pack", *told]
    # The JVM outlives its driver; it holds the pipe until it has written the archive.
    out, err = subprocess.PIPE, subprocess.STDOUT
    return subprocess.run(command, stdout=out, stderr=err, text=True, check=False)


def _write_corpus(path: Path) -> None:
    texts = [" ".join(str(word * 7919) for word in range(size)) for size in range(1, 200)]
    ids = [str(number) for number in range(len(texts))]
    pq.write_table(pa.table({"doc_id": ids, "text": texts}), path)


def _write_tokenizer(path: Path) -> None:
    engine = tokenizers.Tokenizer(tokenizers.models.BPE())
    engine.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        special_tokens=[_EOS], initial_alphabet=alphabet, show_progress=False
    )
    engine.train_from_iterator([], trainer)
    engine.save(str(path))


if __name__ == "__main__":
    main()
