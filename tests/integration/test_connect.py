"""Spark Connect: a server of pyspark's own jars on loopback, a client process without a JVM."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyspark
import pytest
from conftest import ROOT, Corpus, pack_options, run_process
from connect_server import connect_server
from demo_notebook import script
from outputs import current, plan_rows, shard_hashes
from pyspark.sql import SparkSession

from bfpack_spark import explore

pytestmark = pytest.mark.timeout(600)

CLIENT = """
import json, sys
from pyspark.sql import SparkSession
from bfpack_spark import explore
from bfpack_spark.spark.progress import described

output, remote = sys.argv[1:]
spark = SparkSession.builder.remote(remote).getOrCreate()
with described(spark, "a, b: plan 512"):
    tags = sorted(spark.getTags())
where = (spark, output, "small")
lengths = explore.length_histogram(spark, explore.open_token_store(output, "small"))
stats = explore.output_stats(
    output, (), (512, 2048), histogram_of=lambda output, bucket: lengths
)
plan = explore.plan_table(*where, 512)
plan.createOrReplaceTempView("plan")
mixed = spark.sql("select sequence_id, count(*) as held from plan group by all order by all")
document = spark.sql("select * from plan order by doc_id, start limit 20")
print(json.dumps({
    "session": type(spark).__module__,
    "tags": [tags, sorted(spark.getTags())],
    "lengths": [lengths.values.tolist(), lengths.counts.tolist()],
    "stats": explore.as_json(stats),
    "mixed": mixed.toPandas().to_dict("records"),
    "document": document.toPandas().to_dict("records"),
    "documents": explore.lengths_table(*where).count(),
    "sequences": explore.sequences_table(*where, 512).where("num_padding = 0").count(),
}))
"""


PACK_FRAME = """
import sys
from pyspark.sql import SparkSession
from bfpack_spark import pack, verify

corpus, tokenizer, output, remote = sys.argv[1:]
spark = SparkSession.builder.remote(remote).getOrCreate()
documents, where = spark.read.parquet(corpus), {"output": output, "seq_len": [512]}
pack(documents, version="1", id_column="doc_id", tokenizer=tokenizer, bucket="small", **where)
(report,) = verify(documents, **where)
assert (report.holds, report.compared_with_text) == (True, 300), report.text()
"""


@pytest.fixture(scope="module")
def remote() -> Iterator[str]:
    with connect_server(Path(pyspark.__file__).parent, environment()) as address:
        yield address


def environment(**more: str) -> dict[str, str]:
    python = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    return {**os.environ, **python, **more}


def client(*command: object, **more: str) -> str:
    return run_process(sys.executable, *command, env=environment(**more)).succeeds().out


def test_the_functions_of_explore_say_the_same_on_spark_connect(
    packed: Path, remote: str, spark: SparkSession
) -> None:
    found: dict[str, Any] = json.loads(client("-c", CLIENT, packed, remote))
    assert found["session"].startswith("pyspark.sql.connect.")
    assert found["tags"] == [["a; b: plan 512"], []]
    own = explore.length_histogram(spark, explore.open_token_store(str(packed), "small"))
    assert found["lengths"] == [own.values.tolist(), own.counts.tolist()]
    stats = explore.output_stats(str(packed), (), (512, 2048))
    assert found["stats"] == json.loads(json.dumps(explore.as_json(stats)))
    explore.plan_table(spark, str(packed), "small", 512).createOrReplaceTempView("plan")
    mixed = spark.sql("select sequence_id, count(*) as held from plan group by all order by all")
    assert found["mixed"] == mixed.toPandas().to_dict("records")
    rows = plan_rows(current(packed, "small", "sequences-512"))
    first = sorted(rows, key=lambda row: (row["doc_id"], row["start"]))[:20]
    assert found["document"] == first
    assert found["documents"] == 300
    padding = stats[0].at[0].padding
    assert padding is not None
    assert found["sequences"] == padding.counts[padding.values == 0].item() > 500


def test_the_notebook_runs_on_spark_connect(copied: Path, corpus: Corpus, remote: str) -> None:
    source = f"{script(copied, corpus)}\nprint(type(spark).__module__, len(mixed))\n"
    module, count = client("-c", source, SPARK_REMOTE=remote).splitlines()[-1].split()
    assert module.startswith("pyspark.sql.connect.")
    assert int(count) > 10


def test_a_frame_of_spark_connect_gives_the_bytes_of_files(
    corpus: Corpus, packed: Path, remote: str, tmp_path: Path
) -> None:
    client("-c", PACK_FRAME, corpus.path, corpus.tokenizer, tmp_path / "output", remote)
    made, expected = (
        current(out, "small", "sequences-512") for out in (tmp_path / "output", packed)
    )
    assert shard_hashes(made) == shard_hashes(expected)


def test_a_corpus_is_packed_on_spark_connect_to_the_same_bytes(
    corpus: Corpus, packed: Path, remote: str, tmp_path: Path
) -> None:
    options = [*pack_options(corpus, tmp_path / "output"), "--seq-len", 512]
    main = "from bfpack_spark.cli.main import main; main()"
    client("-c", main, "pack", *options, SPARK_REMOTE=remote)
    made, expected = (
        current(out, "small", "sequences-512") for out in (tmp_path / "output", packed)
    )
    assert made.name == expected.name
    assert shard_hashes(made) == shard_hashes(expected)


def test_delta_is_refused_in_a_line_on_spark_connect(
    corpus: Corpus, remote: str, tmp_path: Path
) -> None:
    main = "from bfpack_spark.cli.main import main; main()"
    options = [*pack_options(corpus, tmp_path / "output"), "--seq-len", 512]
    for more in (("--publish-delta", "docs"), ("--input-format", "delta")):
        command = (sys.executable, "-c", main, "pack", *options, *more)
        ran = run_process(*command, env=environment(SPARK_REMOTE=remote))
        assert ran.code == 2, ran.err
        said = ran.err.splitlines()[-1]
        assert " ".join(more) in said
        assert "is of Spark Connect; for input name the table in Spark's catalog by" in said
    assert not (tmp_path / "output").exists()
