"""A plan that waits to be assembled is found again if it is whole."""

from pathlib import Path

import pytest
from packings import Packing

from bfpack_spark.config import Settings
from bfpack_spark.files import own_files
from bfpack_spark.plan.kept_plan import find_plan
from bfpack_spark.plan.make_plan import sequences_version
from bfpack_spark.tokens.token_store import open_token_store


def test_a_plan_is_found_by_one_listing_while_its_files_have_their_sizes(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = packing.output
    assert packing.run("plan", "--seed", 5, "--group-documents-max", 50).code == 0
    settings = Settings(output=str(copied), seq_len=(512,), seed=5, group_documents_max=50)
    version = sequences_version(settings, open_token_store(str(copied), "small"), 512)
    listings: list[str] = []
    list_below = own_files.files_below

    def counted(output: str, inside: str) -> object:
        listings.append(inside)
        return list_below(output, inside)

    monkeypatch.setattr(own_files, "files_below", counted)
    plan = find_plan(version)
    assert plan is not None
    assert len(plan.note.files) == 6
    assert [inside.rpartition("/")[2] for inside in listings] == ["plan"]
    path = Path(version.directory, plan.note.files[3].path)
    path.write_bytes(path.read_bytes()[:-1])
    assert find_plan(version) is None
    path.unlink()
    assert find_plan(version) is None
