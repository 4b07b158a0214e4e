"""What is said to have changed between two versions."""

from made_versions import inputs, token_inputs

from bfpack_spark.versions.changes import changes, inventory_changes


def test_every_field_that_differs_is_named_with_both_values() -> None:
    before, after = inputs(0, "a" * 64), inputs(7, "b" * 64)
    assert changes(before, after) == [f"tokens {'a' * 16} -> {'b' * 16}", "seed 0 -> 7"]
    assert changes(before, before) == []
    store = token_inputs([])
    other = token_inputs([], bucket_column="lang").model_copy(update={"tokenizer_sha256": "c" * 64})
    hashes = f"{store.tokenizer_sha256[:16]} -> {'c' * 16}"
    said = [f"tokenizer changed: tokenizer.json {hashes}", "bucket_column None -> lang"]
    assert changes(store, other) == said


def test_another_chat_template_is_named_as_one_with_its_file() -> None:
    before, after = (
        token_inputs([], messages_column="m", chat_template_sha256=c * 64) for c in "ab"
    )
    said = f"chat template changed: chat_template.json {'a' * 16} -> {'b' * 16}"
    assert changes(before, after) == [said]


def test_files_are_new_changed_or_gone() -> None:
    before: list[list[str | int]] = [["a", 1, 10], ["b", 2, 10], ["c", 3, 10], ["d", 4, 10]]
    after: list[list[str | int]] = [["a", 1, 10], ["b", 5, 10], ["c", 4, 11], ["e", 1, 1]]
    said = ["1 file new (e)", "2 files changed (b, c)", "1 file gone (d)"]
    assert inventory_changes(before, after) == said
    many: list[list[str | int]] = [[f"f{number}", 1, 1] for number in range(9)]
    assert inventory_changes([], many) == ["9 files new (f0, f1, f2, f3, f4, ...)"]


def test_files_that_differ_in_their_stamp_alone_are_told_apart() -> None:
    before: list[list[str | int]] = [["a", 1, 10], ["b", 2, "old"], ["c", 3, 10, "deleted"]]
    after: list[list[str | int]] = [["a", 1, 11], ["b", 2, "new"], ["c", 3, 11, "more deleted"]]
    assert inventory_changes(before, after) == [
        "1 file changed (c)",
        "1 file of the same size, but with another time (a)",
        "1 file of the same size, but with another ETag (b)",
    ]
