"""Pointers, manifests, plan notes, snapshots and settings as somebody else may have left them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Bfpack
from outputs import change_json

from bfpack_spark.errors import InputError
from bfpack_spark.load_settings import load_settings
from bfpack_spark.plan.kept_plan import PlanNote
from bfpack_spark.versions import metadata
from bfpack_spark.versions.manifests import Manifest, SequencesManifest, TokensManifest
from bfpack_spark.versions.metadata import parse_metadata
from bfpack_spark.versions.snapshots import Snapshot

AT = ("--bucket", "small", "--seq-len", 512)
MANIFESTS: dict[str, type[Manifest]] = {"tokens": TokensManifest, "sequences": SequencesManifest}
MODELS: dict[str, type[metadata.Metadata]] = {"pointer": metadata.Pointer, **MANIFESTS}
PLACES = {
    "pointer": "small/sequences-512/_current.json",
    "tokens": "small/tokens/*/_manifest.json",
    "sequences": "small/sequences-512/*/_manifest.json",
}


def place(output: Path, name: str) -> Path:
    (found,) = output.glob(PLACES[name])
    return found


# Which commands read what, without Spark or with.
READERS = {
    "pointer": ("path", "show", "report", "verify"),
    "sequences": ("path", "show", "report", "verify"),
    "tokens": ("show", "stats", "report", "verify"),
}
MORE = {"show": ("--sequence", 0)}


CHANGES = [
    ("pointer", "version", "../../../../etc"),
    ("pointer", "version", None),
    ("pointer", "manifest", "../elsewhere/_manifest.json"),
    ("pointer", "manifest_sha256", 7),
    ("sequences", "files.0.path", "/etc/passwd"),
    ("sequences", "files.0.path", "../../../elsewhere/shards/part-00000.parquet"),
    ("sequences", "files.0.path", "shards/../../../part-00000.parquet"),
    ("sequences", "files.0.rows", "1"),
    ("sequences", "files.0.bytes", 2**64),
    ("sequences", "files", {"shards": []}),
    ("sequences", "files.0", "shards/part-00000.parquet"),
    ("sequences", "inputs", []),
    ("sequences", "inputs.tokens_fingerprint", "../../../../../../etc"),
    ("sequences", "inputs.configuration.seed", 1.5),
    ("sequences", "inputs.configuration.packing", "worst_fit"),
    ("sequences", "totals.tokens", None),
    ("sequences", "accounting.num_padding", [1]),
    ("sequences", "tokenizer", 5),
    ("tokens", "files.0.path", "../0123/documents/part-00000-000.parquet"),
    ("tokens", "files.0.kind", "shards"),
    ("tokens", "inputs.inventory", [["name"]]),
    ("tokens", "accounting.documents_quarantined", 0),
    ("tokens", "accounting.documents_in", 0),
]


@pytest.mark.parametrize(("name", "at", "value"), CHANGES)
def test_metadata_of_another_shape_is_one_line_that_names_file_and_place(
    name: str, at: str, value: object, copied: Path
) -> None:
    path = place(copied, name)
    change_json(path, at, value)
    with pytest.raises(InputError) as raised:
        metadata.read_metadata(str(path), MODELS[name])
    said = str(raised.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    assert len(said) < len(str(path)) + 300
    assert at.split(".")[0] in said


def kept(name: str) -> dict[str, Any]:
    """The manifest of an output that was kept."""
    kind = {"tokens": "tokens", "sequences": "sequences-64"}[name]
    (path,) = (ROOT / "tests/data/output-1/output/b" / kind).glob("*/_manifest.json")
    held: dict[str, Any] = json.loads(path.read_text())
    return held


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("tokens", "inputs.configuration.input_format"),
        ("tokens", "tokenizer.eos_id"),
        ("sequences", "inputs.configuration.seed"),
        ("sequences", "accounting.num_padding"),
    ],
)
def test_a_key_that_a_manifest_lacks_is_named_with_its_place(name: str, at: str) -> None:
    inner = held = kept(name)
    *parents, last = at.split(".")
    for part in parents:
        inner = inner[part]
    del inner[last]
    with pytest.raises(InputError, match=f"^p: lacks {at}; put back the one that was written"):
        parse_metadata(json.dumps(held).encode(), "p", MANIFESTS[name])


@pytest.mark.parametrize("name", MANIFESTS)
def test_keys_of_a_newer_build_are_kept(name: str) -> None:
    held = kept(name)
    for part in (held, held["inputs"], held["inputs"]["configuration"], held["files"][0]):
        part["newer"] = {"key": [1, None]}
    raw = json.dumps(held, sort_keys=True)
    told = parse_metadata(raw.encode(), "p", MANIFESTS[name])
    assert json.dumps(told.as_json(), sort_keys=True) == raw


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("pointer", "manifest", "../elsewhere/_manifest.json"),
        ("sequences", "files.0.path", "../../../elsewhere/shards/part-00000.parquet"),
        ("tokens", "files.0.path", "/etc/passwd"),
    ],
)
def test_no_command_follows_what_damaged_metadata_say(
    name: str, at: str, value: object, copied: Path, bfpack: Bfpack
) -> None:
    path = place(copied, name)
    change_json(path, at, value)
    for command in READERS[name]:
        ran = bfpack(command, "--output", copied, *AT, *MORE.get(command, ()))
        ran.refuses(f"{path}: ")
        assert "Traceback" not in ran.err


def test_verify_of_a_named_version_looks_at_the_pointer_too(copied: Path, bfpack: Bfpack) -> None:
    version = place(copied, "sequences").parent.name
    where = ("--output", copied, *AT, "--version", version)
    assert bfpack("verify", *where).code == 0
    change_json(place(copied, "pointer"), "manifest", "elsewhere/_manifest.json")
    ran = bfpack("verify", *where)
    assert ran.code == 1
    assert "_current.json: manifest 'elsewhere/_manifest.json' is not that of" in ran.out


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"[" * 100_000, "not readable as JSON"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper than 32"),
        (b"[]", "holds no JSON object"),
        (b'{"version": NaN}', "not readable as JSON"),
        (b'{"version": 1' + b"0" * 9999 + b"}", "not readable as JSON"),
        (b'{"version": "\xff"}', "not readable as JSON"),
        (b"", "not readable as JSON"),
    ],
    ids=["deep list", "deep", "list", "NaN", "huge number", "no UTF-8", "nothing"],
)
def test_bytes_that_are_no_object_of_ours_are_one_line(raw: bytes, says: str) -> None:
    with pytest.raises(InputError, match=f"^p: .*{says}"):
        parse_metadata(raw, "p", metadata.Pointer)


def test_a_pointer_larger_than_any_is_not_read_into_memory(copied: Path) -> None:
    path = place(copied, "pointer")
    os.truncate(path, 10 << 30)  # zeros that take no disk
    with pytest.raises(InputError, match=r"larger than 1,048,576 bytes"):
        metadata.read_metadata(str(path), metadata.Pointer)


@pytest.mark.parametrize("name", ["pointer", "sequences", "tokens", "shard"])
def test_a_pipe_in_place_of_a_file_does_not_hang(name: str, copied: Path, bfpack: Bfpack) -> None:
    path = place(copied, "sequences").parent / "shards" / "part-00000.parquet"
    path = path if name == "shard" else place(copied, name)
    path.unlink()
    os.mkfifo(path)
    bfpack("show", "--output", copied, *AT, "--sequence", 0).refuses(f"{path}: is no regular file")


def test_snapshots_and_plan_notes_have_shapes_too() -> None:
    held: dict[str, Any] = {"version": "0" * 16, "fingerprint": "0" * 64, "tokens": 5}
    whole = json.dumps({"buckets": {"b": {"64": held}}}).encode()
    parse_metadata(whole, "p", Snapshot)
    for damaged in (
        {"buckets": {"b": {"64": {**held, "version": "../x"}}}},
        {"buckets": {"b": {"../..": held}}},
        {"buckets": {"b": [held]}},
        {"buckets": None},
        {},
    ):
        with pytest.raises(InputError, match=r"^p: .*buckets.*; put back the one that was written"):
            parse_metadata(json.dumps(damaged).encode(), "p", Snapshot)
    for note in ({"files": [], "accounting": {}, "num_shards": 1}, {"files": 3}):
        with pytest.raises(InputError, match=r"^p: files"):
            parse_metadata(json.dumps(note).encode(), "p", PlanNote)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed = " + "[" * 5000, "TOML|nested too deep"),
        ("[spark]\n" + ".".join("a" * 5000) + " = 1", "nested deeper than 32"),
        ("seed = 1" + "0" * 5000, "TOML|--seed"),
        ("seed = nan", "--seed"),
        ("#" * (1 << 21), "larger than 1,048,576 bytes"),
    ],
    ids=["deep", "long key", "huge number", "nan", "large"],
)
def test_settings_of_any_depth_and_size_are_one_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match=says):
        load_settings(tmp_path / "c.toml", {})


def test_settings_from_a_pipe_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.toml")
    with pytest.raises(InputError, match=r"--config .*c\.toml: is no regular file"):
        load_settings(tmp_path / "c.toml", {})
