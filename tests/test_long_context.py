"""Whole runs with the options for long contexts: rows, accounts, stats, verify."""

import json

from outputs import manifest, reseal, shard_rows
from packings import Ids, Packing, assert_each_token_once, at_512, read_segments


def test_a_sequence_holds_no_more_documents_than_said(packing: Packing, expected: Ids) -> None:
    before = manifest(at_512(packing.output))
    version = packing.pack("--max-documents", 2)
    held = read_segments(version)
    assert_each_token_once(held, expected)
    documents = [sum(name is not None for name in row["doc_ids"]) for row in shard_rows(version)]
    assert max(documents) == 2
    assert documents.count(2) > 50
    assert manifest(version)["inputs"]["configuration"]["max_documents"] == 2
    assert "max_documents" not in before["inputs"]["configuration"]
    assert manifest(version)["accounting"]["num_sequences"] > before["accounting"]["num_sequences"]
    packing.check_stats("--max-documents", 2)
    assert packing.run("verify").code == 0


def test_verify_sees_a_row_of_more_documents(packing: Packing) -> None:
    """The plan of another limit under this one's name: rows and groups are wrong."""
    version = packing.pack("--max-documents", 3, "--num-shards", 2)
    reseal(version, lambda held: held["inputs"]["configuration"].update(max_documents=2))
    problems = packing.problems()
    assert "more than 2 documents" in problems
    assert any("by best_fit" in problem for problem in problems)


def test_stats_tell_what_a_limit_costs(packing: Packing) -> None:
    ran = packing.run("stats", "--max-documents", 1, "--json")
    ((at,),) = (bucket["at"] for bucket in json.loads(ran.out))
    (cost,) = at["options"]
    plain = manifest(at_512(packing.output))["accounting"]
    assert (cost["option"], cost["value"]) == ("--max-documents", "1")
    assert cost["num_sequences_without"] == plain["num_sequences"]
    assert cost["num_padding_without"] == plain["num_padding"]
    assert cost["num_sequences"] == at["plan"]["accounting"]["num_sequences"]
    assert cost["more_sequences"] > 0.01
    said = packing.run("stats", "--max-documents", 1).out
    assert "What the options for long contexts cost" in said
    assert "--max-documents 1" in said
    assert "What the options" not in packing.run("stats").out
