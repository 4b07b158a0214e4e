"""What an earlier version of the token store spares a later one."""

from typing import Any

import pytest

from bfpack_spark.corpus.inventory import InputFile, Inventory
from bfpack_spark.files.access import resolve
from bfpack_spark.tokens.increments import add_accounting, take_over
from bfpack_spark.versions.versions import Place, Version


def of_files(sizes: dict[str, int]) -> Inventory:
    files = [InputFile(name=n, path=f"/x/{n}", size=s, modified=1) for n, s in sizes.items()]
    return Inventory(format="jsonl", files=tuple(files))


def version(inventory: Inventory, seed: int = 0) -> Version:
    inputs = {
        "configuration": {"seed": seed},
        "tokenizer_sha256": "t",
        "inventory": inventory.for_fingerprint(),
    }
    return Version(place=Place(output="o", bucket="b"), inputs=inputs)


def manifest(made: Version, *paths: str) -> dict[str, Any]:
    entries = [{"path": path, "kind": "documents"} for path in paths]
    accounts = {"documents": 3}
    own = {"fingerprint": made.fingerprint, "inputs": made.inputs}
    return {**own, "files": entries, "accounting": accounts}


OLD = of_files({"a": 1, "b": 2})


def test_only_new_files_are_tokenized_and_others_listed_as_they_lie() -> None:
    first, new = version(OLD), of_files({"a": 1, "b": 2, "c": 3})
    name = f"../{'0' * 16}/documents/part-00007-000.parquet"
    held = manifest(first, name, "documents/part-00002-001.parquet")
    made, said = take_over(version(new), new, held)
    assert [file.name for file in made.inventory.files] == ["c"]
    paths = [entry["path"] for entry in made.entries]
    assert paths == [name, f"../{first.name}/documents/part-00002-001.parquet"]
    assert resolve("o/b/tokens/V3", paths[1]) == (
        f"o/b/tokens/{first.name}/documents/part-00002-001.parquet"
    )
    assert (made.prefix, made.accounting) == (f"{first.name}-", {"documents": 3})
    assert said == "1 new beside 2 that are unchanged; only they are read"


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"a": 1, "b": 3, "c": 3}, "1 file changed (b)"),
        ({"b": 2, "c": 3}, "1 file gone (a)"),
    ],
)
def test_a_file_that_changed_or_went_makes_everything_anew(
    sizes: dict[str, int], says: str
) -> None:
    new = of_files(sizes)
    made, said = take_over(version(new), new, manifest(version(OLD), "documents/part-0.parquet"))
    assert (made.inventory, made.entries, made.prefix) == (new, [], "")
    assert said == f"everything is tokenized anew: of the earlier input {says}"


def test_other_settings_or_no_earlier_version_spare_nothing() -> None:
    new = of_files({"a": 1, "b": 2, "c": 3})
    other = manifest(version(OLD, seed=1), "documents/part-00000-000.parquet")
    for earlier in (other, None):
        made, said = take_over(version(new), new, earlier)
        assert (made.inventory, made.entries, said) == (new, [], None)


def test_accounts_are_added_by_name_and_by_reason() -> None:
    before = {"documents": 3, "documents_quarantined": {"null_text": 1, "too_large": 2}}
    new = {"documents": 4, "documents_quarantined": {"null_text": 5}}
    total = {"documents": 7, "documents_quarantined": {"null_text": 6, "too_large": 2}}
    assert add_accounting(before, new) == total
    assert add_accounting({}, new) == new


def test_what_an_earlier_version_did_not_count_is_in_no_sum() -> None:
    before = {"documents": 3, "documents_quarantined": {}}
    new = {"documents": 4, "documents_quarantined": {"null_text": 5}, "bytes_in": 10}
    total = {"documents": 7, "documents_quarantined": {"null_text": 5}}
    assert add_accounting(before, new) == total
