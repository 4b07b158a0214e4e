"""An output that is something else's, or can be no directory, is refused."""

from pathlib import Path

import pytest
from made_versions import below, write

from bfpack_spark.errors import InputError
from bfpack_spark.files.check_output import check_output


@pytest.mark.parametrize(
    "there", [[], ["b/tokens/"], ["b/sequences-64/", "README.md"], ["x/y/", "b/tokens/"]]
)
def test_an_output_that_is_new_empty_or_ours_is_taken(there: list[str], tmp_path: Path) -> None:
    check_output(str(tmp_path / "not yet"), "b")
    for name in there:
        write(tmp_path / name / "x", "") if name.endswith("/") else write(tmp_path / name, "")
    check_output(str(tmp_path), "b")


@pytest.mark.parametrize(
    "there",
    ["thesis.txt", "b/thesis.txt", "tokens/x", "sequences-64/x", "b/sequences-x/y", ".git/x"],
)
def test_an_output_of_something_else_is_an_error_that_names_it(there: str, tmp_path: Path) -> None:
    write(tmp_path / there, "mine")
    with pytest.raises(InputError, match=f"--output {tmp_path}: not empty") as raised:
        check_output(str(tmp_path), "b")
    assert "name an empty one" in str(raised.value)
    assert below(tmp_path) == [there]


def test_a_bucket_folder_of_something_else_is_an_error_that_names_it(tmp_path: Path) -> None:
    write(tmp_path / "a/tokens/x", "ours")
    write(tmp_path / "photos/1.jpg", "mine")
    check_output(str(tmp_path), "new")
    with pytest.raises(InputError, match=f"--bucket photos: {tmp_path}/photos is not empty"):
        check_output(str(tmp_path), "photos")
