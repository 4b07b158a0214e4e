"""Manifests that say something else than the files, and are caught."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from outputs import copy_of, manifest, reseal
from verifying.broken import Output, halve

from bfpack_spark.versions.manifests import TargetsAccounting


def one_more(numbers: dict[str, Any]) -> None:
    """Every count one more; counts by reason get a reason."""
    for name, value in numbers.items():
        numbers[name] = {**value, "empty": 1} if isinstance(value, dict) else value + 1


@pytest.mark.parametrize("packing", ["best_fit", "concat"])
def test_every_wrong_count_in_the_manifest_is_named(
    packing: str, tiny: Output, concat: Output, tmp_path: Path
) -> None:
    packed = concat if packing == "concat" else tiny
    broken = replace(packed, folder=copy_of(packed.folder, tmp_path))
    held = manifest(broken.sequences())
    names = {f"{block}.{name}" for block in ("accounting", "totals") for name in held[block]}
    assert len(names) > 15

    def change(held: dict[str, Any]) -> None:
        one_more(held["accounting"])
        one_more(held["totals"])

    reseal(broken.sequences(), change)
    problems = broken.problems()
    unnoticed = {n for n in names if not [p for p in problems if p.startswith(f"{n} ")]}
    assert not unnoticed, problems


def test_every_wrong_count_in_the_token_stores_manifest_is_named(broken: Output) -> None:
    names = [("accounting", n) for n in ("documents", "tokens", "tokens_inserted")]
    names += [("totals", n) for n in ("documents", "tokens")]

    def change(held: dict[str, Any]) -> None:
        for block, name in names:
            held[block][name] += 1

    reseal(broken.tokens(), change)
    problems = broken.problems()
    unnoticed = [n for n in names if not [p for p in problems if p.startswith(".".join(n) + " ")]]
    assert not unnoticed, problems


def test_counts_of_options_that_are_off_are_named(broken: Output) -> None:
    zero = {"num_tokens_repeated": 500, "num_bos_at_fragments": 7, "num_padding_sequences": 3}
    counted = TargetsAccounting.model_fields.items()
    targets = {name: 5 for name, one in counted if one.is_required()} | {"mean_targets": 5.0}
    reseal(broken.sequences(), lambda held: held["accounting"].update(zero, targets=targets))
    problems = broken.problems()
    for name in (*zero, "targets"):
        assert [p for p in problems if p.startswith(f"accounting.{name}")], name


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            {"documents_quarantined": {"null_text": 1}, "documents_in": 31},
            "1 documents are null_text, 0 in quarantine/",
        ),
        ({"documents_in": 31}, "not the sum"),
        ({"documents_empty": 1}, "not the sum"),
    ],
)
def test_documents_that_do_not_add_up_are_caught(
    wrong: dict[str, Any], says: str, broken: Output
) -> None:
    reseal(broken.tokens(), lambda held: held["accounting"].update(wrong))
    problems = broken.problems()
    assert [p for p in problems if says in p], problems


def test_rows_that_were_not_read_are_caught_by_the_inventory(broken: Output) -> None:
    def change(held: dict[str, Any]) -> None:
        held["inventory"][0]["documents"] -= 1

    reseal(broken.tokens(), change)
    named = [v["problem"] for v in broken.violations() if v["invariant"] == 0]
    assert named == [
        "inventory: 29 documents came of 30 rows of a.parquet",
        "inventory: its files gave 29 documents, accounting.documents_in 30",
    ]


@pytest.mark.parametrize("field", ["bytes", "tokens", "rows"])
def test_files_that_are_not_what_the_manifest_says_are_named(field: str, broken: Output) -> None:
    named = []

    def change(held: dict[str, Any]) -> None:
        for kind in {e["kind"] for e in held["files"]}:
            entry = next(e for e in held["files"] if e["kind"] == kind)
            entry[field] += 1
            named.append(entry["path"])

    reseal(broken.sequences(), change)
    reseal(broken.tokens(), change)
    violations = broken.violations()
    assert {path.partition("/")[0] for path in named} == {"shards", "plan", "documents"}
    unnoticed = [
        path
        for path in named
        if not [v for v in violations if v["shard"] == path and field in v["problem"]]
    ]
    assert not unnoticed, violations


def test_a_manifest_of_another_configuration_is_caught(broken: Output) -> None:
    reseal(broken.sequences(), lambda held: held["inputs"]["configuration"].update(seed=5))
    problems = broken.problems()
    assert "fingerprint is not that of the inputs" in problems


def test_a_manifest_that_tells_of_another_bucket_or_tokenizer_is_caught(broken: Output) -> None:
    def change(held: dict[str, Any]) -> None:
        held |= {"bucket": "other", "seq_len": 17, "format_version": 99}
        told = held["tokenizer"]
        told["pad_is_eos"] ^= True
        for name in ("vocabulary_size", "eos_id"):
            told[name] += 1

    reseal(broken.sequences(), change)
    problems = broken.problems()
    wrong = ("bucket", "seq_len", "format_version", "pad_is_eos", "vocabulary_size", "eos_id")
    unnoticed = [name for name in wrong if not [p for p in problems if name in p]]
    assert not unnoticed, problems


def test_a_manifest_that_is_not_the_published_one_is_caught(broken: Output) -> None:
    path = broken.sequences() / "_manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    (violation,) = broken.violations()
    assert "_current.json" in violation["problem"]


@pytest.mark.parametrize("name", ["inputs", "totals", "files"])
def test_a_manifest_that_lacks_something_is_named(name: str, broken: Output) -> None:
    for version in (broken.sequences(), broken.tokens()):
        path = version / "_manifest.json"
        held = json.loads(path.read_text())
        before = path.read_text()
        del held[name]
        path.write_text(json.dumps(held))
        broken.run().refuses(f"{path}: lacks {name}")
        path.write_text(before)


@pytest.mark.parametrize("name", ["_manifest.json", "../_current.json"])
def test_a_manifest_cut_short_is_named(name: str, broken: Output) -> None:
    halve(broken.sequences() / name)
    ran = broken.run()
    assert ran.code in (1, 2)
    assert Path(name).name in ran.out + ran.err
