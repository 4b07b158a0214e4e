"""Reading, copying and breaking what bfpack wrote, without bfpack."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from halves import ids_sha256


def current(output: Path, bucket: str, kind: str) -> Path:
    """The directory of the current version of `tokens` or `sequences-N`."""
    pointer = json.loads((output / bucket / kind / "_current.json").read_text())
    return output / bucket / kind / pointer["version"]


def manifest(version: Path) -> dict[str, Any]:
    return json.loads((version / "_manifest.json").read_text())


def shard_hashes(version: Path) -> list[tuple[str, str]]:
    """Names and sha256 of the shards, as the manifest says; they are checked against the disk."""
    found = []
    for entry in manifest(version)["files"]:
        if entry["kind"] == "shards":
            on_disk = hashlib.sha256((version / entry["path"]).read_bytes()).hexdigest()
            assert on_disk == entry["sha256"]
            found.append((entry["path"], on_disk))
    assert found
    return found


def tree(folder: Path, *, reports: bool = False) -> dict[str, str]:
    """Return sha256 of every file by its path. Reports hold times, and are left out."""
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and (reports or path.parent.name != "report")
    }
    assert found
    return found


def plan_rows(version: Path) -> list[dict[str, Any]]:
    rows = pq.read_table(version / "plan").to_pylist()
    assert rows
    return sorted(rows, key=lambda row: (row["sequence_id"], row["position"]))


def shard_rows(version: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((version / "shards").glob("*")) for row in read(path)]


def read(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


class Segment(NamedTuple):
    """A part of a row: of a document, from its token `start` on, or padding, which has no name."""

    doc_id: str | None
    start: int
    offset: int  # in the row
    ids: list[int]
    mask: list[int]


def segments(row: dict[str, Any]) -> Iterator[Segment]:
    offset, mask = 0, row.get("loss_mask") or [1] * len(row["input_ids"])
    columns = (row["seq_lengths"], row["doc_ids"], row["doc_starts"])
    for length, doc_id, start in zip(*columns, strict=True):
        ids, own = (held[offset : offset + length] for held in (row["input_ids"], mask))
        yield Segment(doc_id, start, offset, ids, own)
        offset += length


def documents_of(rows: list[dict[str, Any]]) -> dict[str, dict[int, int]]:
    """doc_id -> {token position: id}, from rows of shards; a token met twice is an error."""
    found: dict[str, dict[int, int]] = {}
    for one in (one for row in rows for one in segments(row) if one.doc_id is not None):
        own = found.setdefault(one.doc_id, {})
        for place, token in enumerate(one.ids, one.start):
            assert place not in own, f"{one.doc_id} token {place} twice"
            own[place] = token
    return found


def change_json(path: Path, at: str, value: object) -> None:
    """Put a value into JSON at a dotted place; numbers are places in lists."""
    inner = held = json.loads(path.read_text())
    *parents, last = (int(part) if part.isdigit() else part for part in at.split("."))
    for part in parents:
        inner = inner[part]
    inner[last] = value
    path.write_text(json.dumps(held))


def copy_of(output: Path, folder: Path) -> Path:
    return Path(shutil.copytree(output, folder / "copy"))


def flip(path: Path, at: int, bits: int = 255) -> None:
    """Change these bits of the byte at a place of a file."""
    raw = bytearray(path.read_bytes())
    raw[at] ^= bits
    path.write_bytes(raw)


def rewrite(path: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the rows of a Parquet file in place and write it as it was encoded."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(
        pa.Table.from_pylist(rows, schema=table.schema),
        path,
        use_dictionary=False,
        compression="zstd",
        write_page_checksum=True,
    )


def reseal(version: Path, change: Callable[[dict[str, Any]], Any] | None = None) -> None:
    """Make hashes and counts of the manifest fit the disk again, so that only a deeper check can
    notice what was done to the files; then apply `change` to it, and mend _current.json."""
    held = manifest(version)
    for entry in held["files"]:
        path = version / entry["path"]
        if not path.exists():
            continue
        raw = path.read_bytes()
        entry |= {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
        if path.suffix != ".parquet":
            continue
        rows = read(path)
        entry["rows"] = len(rows)
        if entry["kind"] == "shards":
            ids = np.array([i for row in rows for i in row["input_ids"]], dtype="<i4")
            entry["ids_sha256"] = hashlib.sha256(ids.tobytes()).hexdigest()
            entry["tokens"] = sum(row["num_tokens"] for row in rows)
        elif entry["kind"] == "documents":
            entry["ids_sha256"] = ids_sha256(rows)
    if change is not None:
        change(held)
    publish(version, held)


def publish(version: Path, held: dict[str, Any]) -> None:
    """Write the manifest of a version, and make it the current one."""
    raw = json.dumps(held, indent=1, sort_keys=True).encode()
    (version / "_manifest.json").write_bytes(raw)
    pointer = {
        "version": version.name,
        "manifest": f"{version.name}/_manifest.json",
        "manifest_sha256": hashlib.sha256(raw).hexdigest(),
    }
    (version.parent / "_current.json").write_text(json.dumps(pointer))
