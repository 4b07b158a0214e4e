"""What several commands do at once, or one that has lost its lock, in an output made by hand."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from made_versions import HELD, below, entry, finish, publish, run, version, write

from bfpack_spark.errors import InputError, JobError
from bfpack_spark.files import confined
from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.versions import publication
from bfpack_spark.versions.changes import publish_and_say
from bfpack_spark.versions.snapshots import Snapshot, read_snapshots, write_snapshot

WRITERS = 4
NAMED = {"snapshot": ("a",)}


def snapshot(number: int) -> Snapshot:
    held = {"version": f"{number:016x}", "fingerprint": f"{number:064x}"}
    return Snapshot.model_validate({"buckets": {"b": {"8": held}}})


def test_of_several_snapshots_of_one_name_one_is_written(tmp_path: Path) -> None:
    barrier = Barrier(WRITERS)

    def take(turn: int, number: int) -> int | None:
        barrier.wait()
        try:
            write_snapshot(str(tmp_path), f"run{turn}", snapshot(number))
        except InputError:  # there is another of this name
            return None
        return number

    for turn in range(20):
        with ThreadPoolExecutor(WRITERS) as pool:
            written = set(pool.map(take, [turn] * WRITERS, range(WRITERS))) - {None}
        (number,) = written
        assert number is not None
        assert read_snapshots(str(tmp_path))[f"run{turn}"] == snapshot(number)
    assert len(below(tmp_path)) == 20


def test_a_disk_without_second_names_for_files_takes_a_snapshot_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(confined.os, "link", refused)
    write_snapshot(str(tmp_path), "a", snapshot(1))
    write_snapshot(str(tmp_path), "a", snapshot(1))
    with pytest.raises(InputError, match="there is another of this name"):
        write_snapshot(str(tmp_path), "a", snapshot(2))
    assert below(tmp_path) == ["_snapshots/a.json"]


@pytest.mark.parametrize("gone", ["b.json.tmp", "inner"])
def test_what_vanishes_during_a_listing_hides_nothing_else(
    gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.json", gone, "c.json", "d/e.json"):
        write(tmp_path / name / "x" if name == "inner" else tmp_path / name, name)
    kind_of = confined._kind

    def vanishing(found: "confined.os.DirEntry[str]") -> confined.Kind:
        kind = kind_of(found)
        if found.name == gone:
            (tmp_path / gone).rename(tmp_path.parent / gone)
        return kind

    monkeypatch.setattr(confined, "_kind", vanishing)
    assert sorted(confined.files_below(str(tmp_path), "")) == ["a.json", "c.json", "d/e.json"]
    assert confined.files_below(str(tmp_path), "nowhere") == {}


class Lost:
    """A lock that another run has taken."""

    def check(self) -> None:
        raise JobError("lost")


def test_a_run_that_has_lost_its_lock_completes_nothing(tmp_path: Path) -> None:
    made = version(tmp_path)
    with pytest.raises(JobError, match="lost"):
        finish(made, "shards/part-00000.parquet", lock=Lost())
    assert below(made.directory) == ["shards/part-00000.parquet"]


def test_what_another_run_has_completed_stays_as_it_is(tmp_path: Path) -> None:
    made = version(tmp_path)
    finish(made, "shards/part-00000.parquet")
    before = below(tmp_path), (tmp_path / made.inside / "_manifest.json").read_bytes()
    with pytest.raises(JobError, match="another run has completed it; run this again"):
        finish(made, "plan/part-00000.parquet")
    after = set(below(tmp_path)) - {f"{made.inside}/plan/part-00000.parquet"}
    manifest = (tmp_path / made.inside / "_manifest.json").read_bytes()
    assert (sorted(after), manifest) == before


def test_a_late_file_of_another_name_is_an_error(tmp_path: Path) -> None:
    made = version(tmp_path)
    finish(made, "shards/part-00000.parquet")
    for name in ("shards/part-00000.parquet", "shards/part-other.parquet"):
        file = HashingFile(made.directory, name)
        file.write(b"late")
        if name.endswith("other.parquet"):
            with pytest.raises(JobError, match="has completed the version without it"):
                file.publish()
        else:
            assert file.publish() == hashlib.sha256(b"late").hexdigest()
    assert below(made.directory) == ["_manifest.json", "shards/part-00000.parquet"]


def test_a_version_made_anew_keeps_the_files_that_later_ones_list(tmp_path: Path) -> None:
    """As if the manifest was removed and the text tokenized again, to files of other names."""
    first, second = (version(tmp_path, seed, seq_len=None) for seed in (1, 2))
    given = "documents/part-of-an-earlier-000.parquet"
    finish(first, given, "documents/part-00000-000.parquet")
    taken = entry(given).model_copy(update={"path": f"../{first.name}/{given}"})
    write(Path(second.directory) / "tokenizer.json", "tokenizer.json")
    held = publication.need_manifest(first)
    counts = {name: getattr(held, name) for name in ("totals", "accounting", "tokenizer")}
    publication.complete(second, [taken], HELD, **counts)
    (Path(first.directory) / "_manifest.json").unlink()
    finish(first, "documents/part-00000-000.parquet")
    assert (Path(first.directory) / given).exists()
    manifest = Path(second.directory) / "_manifest.json"
    whole = manifest.read_text()
    manifest.write_text("damaged")
    publication.publish(first)
    assert (Path(first.directory) / given).exists(), "nobody knows who lists it"
    manifest.write_text(whole)
    (Path(second.directory) / "_manifest.json").unlink()
    publication.publish(first)
    assert not (Path(first.directory) / given).exists(), "nobody lists it any more"


def test_a_version_is_published_where_the_one_before_is_damaged(tmp_path: Path) -> None:
    store, before = publish(tmp_path, seed=1)
    _, after = publish(tmp_path, seed=2)
    publication.publish(before)
    write(Path(store.directory) / "_manifest.json", "damaged")
    move = publish_and_say("sequences of 8", after)
    assert move is not None
    assert move.earlier == before.name
    assert publication.is_current(after.home, after.name)


@pytest.mark.parametrize(("number", "command"), [(0, "stats"), (1, "snapshot")])
def test_a_published_bucket_whose_manifest_is_gone_is_no_bucket_less(
    number: int, command: str, tmp_path: Path
) -> None:
    made = publish(tmp_path)[number]
    (Path(made.directory) / "_manifest.json").unlink()
    run(command, tmp_path, *NAMED.get(command, ())).refuses(f"{made.name} is not complete")


@pytest.mark.parametrize("command", ["versions", "prune", "snapshot", "stats", "verify"])
def test_an_output_that_is_a_file_is_one_line(command: str, tmp_path: Path) -> None:
    output = write(tmp_path / "out", "")
    says = f"--output {output}: is a file; name a directory"
    run(command, output, *NAMED.get(command, ())).refuses(says)
