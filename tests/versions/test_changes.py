"""What is said to have changed between two versions."""

from bfpack_spark.versions.changes import changes, inventory_changes


def test_every_field_that_differs_is_named_with_both_values() -> None:
    before = {"configuration": {"seed": 0, "pad_id": 1}, "tokens_fingerprint": "a" * 64}
    after = {"configuration": {"seed": 7, "pad_id": 1}, "tokens_fingerprint": "b" * 64}
    assert changes(before, after) == [f"tokens {'a' * 16} -> {'b' * 16}", "seed 0 -> 7"]
    assert changes(before, before) == []
    after = {"configuration": {"bucket_column": "lang"}, "tokenizer_sha256": "c" * 64}
    before = {"configuration": {}, "tokenizer_sha256": "d" * 64}
    said = [f"tokenizer {'d' * 16} -> {'c' * 16}", "bucket_column None -> lang"]
    assert changes(before, after) == said


def test_files_are_new_changed_or_gone() -> None:
    before = [["a", 1, 10], ["b", 2, 10], ["c", 3, 10], ["d", 4, 10]]
    after = [["a", 1, 10], ["b", 5, 10], ["c", 3, 11], ["e", 1, 1]]
    said = ["1 file new (e)", "2 files changed (b, c)", "1 file gone (d)"]
    assert inventory_changes(before, after) == said
    many = [[f"f{number}", 1, 1] for number in range(9)]
    assert inventory_changes([], many) == ["9 files new (f0, f1, f2, f3, f4, ...)"]
