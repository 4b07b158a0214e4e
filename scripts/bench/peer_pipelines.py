"""From Parquet text to Parquet sequences the ways people do it today.

    python peer_pipelines.py --peer NAME --corpus DIR --tokenizer tokenizer.json --output DIR

trl        HF datasets tokenizes; TRL's pack_dataset(strategy="bfd_split") at the default batch
trl_whole  the same with the whole dataset as one batch
olmo_core  token files of OLMo-core's format; its pack_documents_into_instances with fragmenting
           over all of them; every sequence gathered from memory-mapped files and padded

Every document ends with EOS. Prints one line of JSON: what was made, and by which versions.
"""

import importlib
import importlib.metadata
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from commands import parser_of
from tokenizers import Tokenizer

TEXTS_PER_BATCH = 1000  # what datasets' map takes by default
ROWS_PER_BATCH = 1000

Int64 = npt.NDArray[np.int64]
UInt32 = npt.NDArray[np.uint32]


class Job(NamedTuple):
    """What one run reads and writes."""

    files: list[Path]
    tokenizer: Path
    eos_token: str
    seq_len: int
    output: Path
    workers: int


class Made(NamedTuple):
    """What one run made; tokens include EOS, padding not."""

    documents: int
    documents_per_batch: int  # packed apart from the others
    tokens: int
    packed_tokens: int
    sequences: int


def main() -> int:
    """Return 1 when tokens were lost."""
    parser = parser_of(__doc__, "seq-len")
    parser.add_argument("--peer", choices=PEERS, required=True)
    parser.add_argument("--corpus", type=Path, required=True, help="Parquet of (doc_id, text)")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--eos-token", help="default: that of tokenizer_config.json")
    parser.add_argument("--output", type=Path, required=True, help="directory to create")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    options.output.mkdir(parents=True)
    keep_caches_in(options.output)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the processes are the parallelism
    packages, modules, run = PEERS[options.peer]
    for module in modules:
        importlib.import_module(module)
    job = Job(
        files=sorted(options.corpus.glob("*.parquet")),
        tokenizer=options.tokenizer,
        eos_token=options.eos_token or find_eos_token(options.tokenizer),
        seq_len=options.seq_len,
        output=options.output,
        workers=options.workers,
    )
    made = run(job)
    report = {
        "versions": {name: importlib.metadata.version(name) for name in packages},
        **made._asdict(),
        "least_sequences": -(-made.tokens // job.seq_len),
    }
    print(json.dumps(report), flush=True)
    return 0 if made.tokens == made.packed_tokens else 1


def keep_caches_in(output: Path) -> None:
    os.environ["HF_HOME"] = str(output / "hf")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"


def read_with_datasets(files: Sequence[Path], output: Path) -> Any:
    return importlib.import_module("datasets").load_dataset(
        "parquet",
        data_files=[str(path) for path in files],
        split="train",
        cache_dir=str(output / "cache"),
    )


def pack_with_olmo_core(
    paths: Sequence[Path], seq_len: int, eos_id: int, strategy: str
) -> tuple[list[list[int]], np.ndarray, int]:
    """Return the fragments of each instance, the bounds of each fragment, and the tokens packed.
    Bounds count tokens over all token files, as if these were one."""
    instances, bounds, num_tokens = importlib.import_module(
        "olmo_core.data.utils"
    ).pack_documents_into_instances(
        *paths,
        max_sequence_length=seq_len,
        eos_token_id=eos_id,
        dtype=np.uint32,
        long_doc_strategy=importlib.import_module("olmo_core.data.types").LongDocStrategy(strategy),
    )
    return instances, bounds.astype(np.int64), num_tokens


def run_trl(job: Job) -> Made:
    """TRL at the documents a batch that `map` takes by default."""
    tokens = tokenize_with_datasets(job)
    default = inspect.signature(tokens.map).parameters["batch_size"].default
    return pack_with_trl(tokens, job, {}, min(default, len(tokens)))


def run_trl_whole(job: Job) -> Made:
    """TRL with all documents in one batch, as best-fit decreasing is defined."""
    tokens = tokenize_with_datasets(job)
    return pack_with_trl(tokens, job, {"batch_size": len(tokens)}, len(tokens))


def tokenize_with_datasets(job: Job) -> Any:
    """A Dataset of `input_ids` alone, tokenized by `workers` processes."""
    tokenizer = importlib.import_module("transformers").PreTrainedTokenizerFast(
        tokenizer_file=str(job.tokenizer), eos_token=job.eos_token
    )

    def tokenize(rows: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        encoded = tokenizer(rows["text"], add_special_tokens=False, return_attention_mask=False)
        return {"input_ids": [[*ids, tokenizer.eos_token_id] for ids in encoded["input_ids"]]}

    texts = read_with_datasets(job.files, job.output)
    return texts.map(
        tokenize, batched=True, num_proc=job.workers, remove_columns=texts.column_names
    )


def pack_with_trl(tokens: Any, job: Job, map_kwargs: dict[str, Any], per_batch: int) -> Made:
    """Rows are as long as their content: TRL leaves padding to the collator."""
    packed = importlib.import_module("trl").pack_dataset(
        tokens, seq_length=job.seq_len, strategy="bfd_split", map_kwargs=map_kwargs
    )
    packed.to_parquet(str(job.output / "sequences.parquet"))
    counts = _count_tokens(tokens), _count_tokens(packed)
    return Made(len(tokens), per_batch, *counts, len(packed))


def _count_tokens(dataset: Any) -> int:
    return sum(len(chunk.flatten()) for chunk in dataset.data.column("input_ids").chunks)


def run_olmo_core(job: Job) -> Made:
    _, eos_id = load_tokenizer(job)
    paths, num_documents = write_token_files(job)
    instances, bounds, packed_tokens = pack_with_olmo_core(paths, job.seq_len, eos_id, "fragment")
    files = [np.memmap(path, dtype=np.uint32, mode="r") for path in paths]
    write_instances(instances, bounds, files, eos_id, job)
    counts = sum(map(len, files)), int(packed_tokens)
    return Made(num_documents, num_documents, *counts, len(instances))


def write_token_files(job: Job) -> tuple[list[Path], int]:
    """A file of uint32 ids without header, and one of document bounds, for each input file."""
    # Forked, so that the workers do not import again.
    with get_context("fork").Pool(job.workers) as pool:
        made = pool.starmap(write_token_file, [(job, path) for path in job.files], chunksize=1)
        pool.close()
        pool.join()
    return [path for path, _ in made], sum(num_documents for _, num_documents in made)


def write_token_file(job: Job, source: Path) -> tuple[Path, int]:
    """Return the path of the token file and the number of its documents."""
    tokenizer, eos_id = load_tokenizer(job)
    path = job.output / "tokens" / f"{source.stem}.npy"
    path.parent.mkdir(exist_ok=True)
    num_documents = 0
    with path.open("wb") as file:
        for batch in pq.ParquetFile(source).iter_batches(TEXTS_PER_BATCH, columns=["text"]):
            texts = batch.column("text").to_pylist()
            for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
                file.write(np.array([*encoding.ids, eos_id], dtype=np.uint32).tobytes())
            num_documents += len(texts)
    utils = importlib.import_module("olmo_core.data.utils")
    utils.write_document_indices(path, dtype=np.uint32, eos_token_id=eos_id)
    return path, num_documents


def load_tokenizer(job: Job) -> tuple[Tokenizer, int]:
    """The tokenizer and the id of EOS; ValueError when EOS is not in its vocabulary."""
    tokenizer = Tokenizer.from_file(str(job.tokenizer))
    eos_id = tokenizer.token_to_id(job.eos_token)
    if eos_id is None:
        raise ValueError(f"{job.tokenizer} has no {job.eos_token!r}: give another --eos-token")
    return tokenizer, eos_id


def write_instances(
    instances: list[list[int]], bounds: Int64, files: Sequence[UInt32], pad_id: int, job: Job
) -> None:
    """Write one row of `seq_len` ids an instance, padded at the end."""
    starts = np.cumsum([0, *map(len, files)])
    file_of = np.searchsorted(starts, bounds[:, 0], side="right") - 1
    begins, ends = (bounds - starts[file_of, None]).T.tolist()
    schema = pa.schema([("input_ids", pa.list_(pa.int32()))])
    with pq.ParquetWriter(job.output / "sequences.parquet", schema) as writer:
        for first in range(0, len(instances), ROWS_PER_BATCH):
            some = instances[first : first + ROWS_PER_BATCH]
            rows = np.full((len(some), job.seq_len), pad_id, dtype=np.int32)
            for row, fragments in zip(rows, some, strict=True):
                pieces = [files[file_of[i]][begins[i] : ends[i]] for i in fragments]
                content = np.concatenate(pieces)
                row[: len(content)] = content
            offsets = np.arange(0, rows.size + 1, job.seq_len, dtype=np.int32)
            column = pa.ListArray.from_arrays(pa.array(offsets), pa.array(rows.reshape(-1)))
            writer.write_table(pa.table([column], schema=schema))


def find_eos_token(tokenizer: Path) -> str:
    """EOS that the tokenizer_config.json beside the tokenizer names."""
    config = tokenizer.with_name("tokenizer_config.json")
    if not config.exists():
        raise ValueError(f"{config} does not exist: give --eos-token")
    token = json.loads(config.read_text())["eos_token"]
    return token if isinstance(token, str) else str(token["content"])


# Packages to report, modules to import before the clock starts, what to run.
Peer = tuple[tuple[str, ...], tuple[str, ...], Callable[[Job], Made]]
HF_PACKAGES = ("trl", "datasets", "transformers", "tokenizers", "pyarrow")
HF_MODULES = ("datasets", "transformers", "trl.data_utils")
OLMO_PACKAGES = ("ai2-olmo-core", "tokenizers", "numpy", "pyarrow")
PEERS: dict[str, Peer] = {
    "trl": (HF_PACKAGES, HF_MODULES, run_trl),
    "trl_whole": (HF_PACKAGES, HF_MODULES, run_trl_whole),
    "olmo_core": (OLMO_PACKAGES, ("olmo_core.data.utils",), run_olmo_core),
}


if __name__ == "__main__":
    sys.exit(main())
