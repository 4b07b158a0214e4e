"""An Airflow DAG (3.3 or newer) that packs every bucket of a corpus, each night.

    read_settings --> list_buckets --> one_bucket (a mapped group: pack --> verify) --> publish

It imports nothing of bfpack: copy it into the DAG folder. It needs spark-submit on the PATH,
apache-airflow-providers-apache-spark, and the connection `spark_default`, which names the master.
Parsing it reads nothing. Settings are read when a run begins: DEFAULTS, over them the Variable
`bfpack` (a JSON object), over that what the run itself is given (the trigger's form, or --conf).

A task that fails is retried, which is safe: bfpack continues what is unfinished, keeps what is
complete, and one run holds a bucket at a time (exit code 3: worth a retry). Exit code 2 is a
mistake, and 1, of verify, a broken invariant: these fail at once. A bucket that fails stops no
other, but the Asset is published only when every bucket is packed and verified.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import (
    Asset,
    AssetAlias,
    ObjectStoragePath,
    Param,
    RetryDecision,
    RetryPolicy,
    Variable,
    dag,
    task,
    task_group,
)
from airflow.sdk.exceptions import AirflowFailException

BUCKETS_AT_ONCE = 2
JSON_TYPES = {str: "string", list: "array"}
SETTINGS: dict[str, tuple[str | list[Any], str]] = {
    "input": ("/shared/corpus/{bucket}/*.parquet", "{bucket} stands for a bucket's name"),
    "output": ("/shared/out", "directory or address of the results"),
    "bucket": ([], "names of buckets; none: every one that is found in input"),
    "seq_len": ([2048, 8192], "tokens a sequence"),
    "tokenizer": ("/opt/bfpack/tokenizer", "tokenizer.json, or its directory"),
    "config": ("/opt/bfpack/conf/cluster.toml", "all other settings of bfpack"),
    "jobs": ("/opt/bfpack/jobs", "directory of pack_corpus.py and verify_corpus.py"),
    "properties_file": ("/opt/bfpack/conf/spark-defaults.conf", "of spark-submit; may be empty"),
}
DEFAULTS = {name: default for name, (default, _) in SETTINGS.items()}
PARAMS = {
    name: Param(None, type=["null", JSON_TYPES[type(default)]], description=meaning)
    for name, (default, meaning) in SETTINGS.items()
}
SEQUENCES = AssetAlias("bfpack_sequences")


class FailAtOnce(RetryPolicy):
    """No retry where spark-submit ended with one of these exit codes."""

    def __init__(self, *codes: int) -> None:
        self.codes = codes

    def evaluate(self, exception: BaseException, **_: Any) -> RetryDecision:
        # The hook tells the code in its message alone, before the last lines of the output.
        found = re.search(r"Error code is: (-?\d+)\.", str(exception))
        if found and int(found[1]) in self.codes:
            return RetryDecision.fail(f"exit code {found[1]}: another try would end the same")
        return RetryDecision.default()


def names_in(pattern: str) -> list[str]:
    """Names that stand for {bucket}: "crawl/{bucket}/*.parquet" -> the directories in crawl/,
    "crawl/{bucket}.jsonl" -> the files there that end so. Hidden ones are passed over."""
    before, placeholder, after = pattern.partition("{bucket}")
    folder, _, head = before.rpartition("/")
    tail, slash, _ = after.partition("/")
    if not placeholder or re.search(r"[*?\[]", before + tail):
        raise AirflowFailException(
            f"input {pattern}: its buckets cannot be listed; write {{bucket}} before any wildcard, "
            "or name them in bucket"
        )
    wanted = re.compile(f"{re.escape(head)}([^/._][^/]*){re.escape(tail)}")
    inside = ObjectStoragePath(folder or "/").iterdir()
    needs_directory = bool(slash) or not after
    found = ((wanted.fullmatch(p.name), p) for p in inside)
    names = (m[1] for m, p in found if m and (p.is_dir() or not needs_directory))
    # A level NAME={bucket} is Hive's, whose escapes are not part of the name.
    hive = head.endswith("=") and not tail
    return sorted(unquote(name) if hive else name for name in names)


def where(settings: dict[str, Any], bucket: str) -> list[str]:
    """The options that both jobs take."""
    lengths = [part for n in settings["seq_len"] for part in ("--seq-len", str(n))]
    named = ("config", "output")
    given = [part for name in named for part in (f"--{name}", settings[name])]
    return [*given, "--bucket", bucket, *lengths]


def folder_of(bucket: str) -> str:
    """The folder of a bucket, as bfpack names it: "C++" -> "C~2B~2B"."""
    odd = re.compile("^[._]|[^A-Za-z0-9._-]")
    return odd.sub(lambda at: "".join(f"~{byte:02X}" for byte in at[0].encode()), bucket)


def current_version(output: str, bucket: str, seq_len: int) -> dict[str, Any]:
    """What is published now: its version, and the sha256 of its manifest."""
    folder = ObjectStoragePath(output) / folder_of(bucket)
    pointer = folder / f"sequences-{seq_len}" / "_current.json"
    held = json.loads(pointer.read_text())
    return {name: held[name] for name in ("version", "manifest_sha256")}


@task
def read_settings(params: dict[str, Any]) -> dict[str, Any]:
    """What this run is given, over the Variable `bfpack`, over DEFAULTS."""
    standing = Variable.get("bfpack", default={}, deserialize_json=True)
    unknown = sorted(set(standing) - set(DEFAULTS))
    if unknown:
        known = ", ".join(DEFAULTS)
        raise AirflowFailException(
            f"Variable bfpack: unknown key {unknown[0]!r}; there are {known}"
        )
    given = {name: value for name, value in params.items() if value is not None}
    return {**DEFAULTS, **standing, **given}


@task
def list_buckets(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """A bucket each: its name and the options of its two jobs."""
    names = settings["bucket"] or names_in(settings["input"])
    if not names:
        raise AirflowFailException(f"input {settings['input']}: no bucket is there; check the path")
    source = ["--input", settings["input"], "--tokenizer", settings["tokenizer"]]
    options = {name: where(settings, name) for name in names}
    return [
        {"bucket": name, "pack_options": [*source, *common], "verify_options": common}
        for name, common in options.items()
    ]


def submit(job: str, bucket: str, options: list[str], policy: RetryPolicy) -> SparkSubmitOperator:
    """jobs/{job}_corpus.py by spark-submit. Its application bears the bucket's name."""
    setting = "{{{{ ti.xcom_pull(task_ids='read_settings')['{}'] }}}}".format
    return SparkSubmitOperator(
        task_id=job,
        application=f"{setting('jobs')}/{job}_corpus.py",
        properties_file=setting("properties_file"),
        application_args=options,
        name=bucket,
        map_index_template="{{ task.name }}",
        max_active_tis_per_dag=BUCKETS_AT_ONCE,
        retry_policy=policy,
    )


@task_group
def one_bucket(bucket: str, pack_options: list[str], verify_options: list[str]) -> None:
    pack = submit("pack", bucket, pack_options, FailAtOnce(2))
    pack >> submit("verify", bucket, verify_options, FailAtOnce(1, 2))


@task(outlets=[SEQUENCES])
def publish(
    settings: dict[str, Any], runs: list[dict[str, Any]], outlet_events: Any
) -> dict[str, Any]:
    """The output as an Asset; a trainer's DAG, scheduled on it, finds in the event's extra which
    version of each bucket and seq_len was verified."""
    output = settings["output"]
    extra = {
        "output": output,
        "versions": {
            run["bucket"]: {
                str(seq_len): current_version(output, run["bucket"], seq_len)
                for seq_len in settings["seq_len"]
            }
            for run in runs
        },
    }
    uri = output if "://" in output else f"file://{output}"
    outlet_events[SEQUENCES].add(Asset(uri), extra=extra)
    return extra


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params=PARAMS,
    doc_md=__doc__,
)
def pack_buckets() -> None:
    settings = read_settings()
    runs = list_buckets(settings)
    one_bucket.expand_kwargs(runs) >> publish(settings, runs)


pack_buckets()
