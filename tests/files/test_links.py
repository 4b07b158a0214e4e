"""No link inside an output is written, listed or deleted through, and a link to it is."""

import shutil
from pathlib import Path

import pytest
from made_versions import below, finish, publish, version, write
from packings import Packing

from bfpack_spark.errors import InputError
from bfpack_spark.files import locks, own_files, write_own_files
from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.versions import publication, snapshots

NAMES = [f"{n}.txt" for n in range(6)]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with six files that are none of ours."""
    for name in NAMES:
        write(tmp_path / "elsewhere" / name, "mine")
    return tmp_path / "elsewhere"


def untouched(elsewhere: Path) -> bool:
    return below(elsewhere) == NAMES and {p.read_text() for p in elsewhere.iterdir()} == {"mine"}


def put_link(path: Path, target: Path) -> None:
    """A link in place of whatever is there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def test_pack_deletes_nothing_behind_a_link_named_documents(
    packing: Packing, elsewhere: Path
) -> None:
    link = packing.current() / "documents"
    link.symlink_to(elsewhere)
    ran = packing.try_to_pack("--seq-len", 512)
    ran.refuses(f"{link}: is a link", "mount the other disk there")
    assert untouched(elsewhere)


@pytest.mark.parametrize(
    "place",
    [
        *("b", "b/_lock", "_snapshots", "_mixtures", "b/tokens", "b/sequences-8"),
        "b/tokens/_current.json",
        *("{tokens}", "{tokens}/documents", "{tokens}/_temporary", "{tokens}/report"),
        *("{tokens}/_manifest.json", "{tokens}/documents/part-00000-000.parquet"),
        *("{sequences}", "{sequences}/shards", "{sequences}/plan", "{sequences}/_plan.json"),
    ],
)
def test_a_link_in_place_of_something_of_ours_is_refused(
    place: str, tmp_path: Path, elsewhere: Path
) -> None:
    output = tmp_path / "output"
    store, made = publish(output)
    link = output / place.format(tokens=store.inside, sequences=made.inside)
    put_link(
        link, elsewhere if "." not in link.name and link.name != "_lock" else elsewhere / "0.txt"
    )
    assert_not_held(output, f"^{link}: is a link")
    assert untouched(elsewhere)


def assert_not_held(output: Path, says: str) -> None:
    with pytest.raises(InputError, match=says), hold_bucket(str(output), "b"):
        pytest.fail("the lock was taken")


def test_a_link_that_leads_nowhere_is_refused_too(tmp_path: Path) -> None:
    publish(tmp_path / "output")
    link = tmp_path / "output/b/_lock"
    link.symlink_to(tmp_path / "nowhere")
    assert_not_held(tmp_path / "output", "_lock: is a link")
    assert not (tmp_path / "nowhere").exists()


def test_the_locks_file_is_not_truncated_through_a_link_that_appears_late(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "output/b").mkdir(parents=True)
    put = lambda *_: put_link(tmp_path / "output/b/_lock", elsewhere / "0.txt")  # noqa: E731
    monkeypatch.setattr(locks, "refuse_links", put)
    assert_not_held(tmp_path / "output", "_lock: is a link")
    assert untouched(elsewhere)


@pytest.mark.parametrize("place", ["shards", "documents", "_temporary", "", "..", "../.."])
def test_a_link_that_appears_when_the_manifest_is_written_is_not_followed(
    place: str, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = version(tmp_path / "output")
    link = (Path(made.directory) / place).resolve()
    write_json = write_own_files.write_json

    def write_and_swap(output: str, inside: str, value: dict[str, object]) -> None:
        write_json(output, inside, value)
        put_link(link, elsewhere)

    monkeypatch.setattr(write_own_files, "write_json", write_and_swap)
    with pytest.raises(InputError, match=f"^{link}: is a link"):
        finish(made, "shards/part-00000.parquet")
    assert untouched(elsewhere)


@pytest.mark.parametrize("place", ["_temporary", "shards", "."])
def test_a_worker_whose_folder_becomes_a_link_writes_nothing_there(
    place: str, tmp_path: Path, elsewhere: Path
) -> None:
    root = Path(version(tmp_path / "output").directory)
    file = HashingFile(str(root), "shards/part-00000.parquet")
    file.write(b"tokens")
    link = (root / place).resolve()
    put_link(link, elsewhere)
    with pytest.raises(InputError, match=f"^{link}: is a link"):
        file.publish()
    assert untouched(elsewhere)


def test_snapshots_and_reports_are_not_written_through_a_link(
    tmp_path: Path, elsewhere: Path
) -> None:
    output = tmp_path / "output"
    _, made = publish(output)
    (output / "_snapshots").symlink_to(elsewhere)
    taken = snapshots.take_snapshot([made.home])
    for act in (
        lambda: snapshots.write_snapshot(str(output), "run", taken),
        lambda: snapshots.read_snapshots(str(output)),
    ):
        with pytest.raises(InputError, match="_snapshots: is a link"):
            act()
    (output / made.inside / "report").symlink_to(elsewhere)
    with pytest.raises(InputError, match="report: is a link"):
        write_own_files.write_bytes(str(output), f"{made.inside}/report/report.html", b"")
    assert untouched(elsewhere)


def test_links_below_a_removed_folder_go_and_not_what_they_lead_to(
    tmp_path: Path, elsewhere: Path
) -> None:
    write(tmp_path / "output/b/folder/ours", "ours")
    (tmp_path / "output/b/folder/theirs").symlink_to(elsewhere)
    own_files.delete_tree(str(tmp_path / "output"), "b/folder")
    assert not (tmp_path / "output/b/folder").exists()
    assert untouched(elsewhere)


def test_an_output_that_is_itself_a_link_is_the_users_choice(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "output").symlink_to(tmp_path / "disk")
    store, made = publish(tmp_path / "output")
    with hold_bucket(f"{tmp_path}/output", "b"):
        assert (tmp_path / "disk/b/_lock").is_file()
        own_files.delete_tree(f"{tmp_path}/output", made.inside)
    assert below(tmp_path / "disk/b/tokens") == sorted(
        [
            "_current.json",
            *(f"{store.name}/{name}" for name in ("_manifest.json", "tokenizer.json")),
            f"{store.name}/documents/part-00000-000.parquet",
            f"{store.name}/quarantine/part-00000.parquet",
        ]
    )
    assert not (tmp_path / "disk/b" / made.inside).exists()
    assert publication.names_in(store.home) == [store.name]
