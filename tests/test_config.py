"""Settings from a TOML file and from options: who wins, and what is said of a mistake."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bfpack_spark.config import MAX_SEQ_LEN, Settings
from bfpack_spark.errors import InputError
from bfpack_spark.load_settings import load_settings


def load(tmp_path: Path, toml: str, **options: Any) -> Settings:
    path = tmp_path / "c.toml"
    path.write_text(toml)
    return load_settings(path, options)


def test_without_a_file_the_options_and_the_defaults_hold() -> None:
    held = load_settings(None, {"seq_len": (512, 2048, 512), "seed": None, "engine": "tokenizers"})
    assert (held.seq_len, held.seed, held.engine) == ((512, 2048), 0, "tokenizers")
    assert (held.text_column, held.max_quarantined, held.packing) == ("text", 0.01, "best_fit")


def test_options_override_the_file_also_by_zero(tmp_path: Path) -> None:
    toml = 'seed = 3\nmax_quarantined = 0.5\nseq_len = [8, 16]\nbucket = "b"\ninput = "here"\n'
    held = load(tmp_path, toml, seed=0, max_quarantined=0.0, seq_len=(4,), bucket=None)
    assert (held.seed, held.max_quarantined, held.seq_len) == (0, 0.0, (4,))
    assert (held.bucket, held.input) == (("b",), ("here",))


def test_one_seq_len_of_the_file_needs_no_list(tmp_path: Path) -> None:
    assert load(tmp_path, "seq_len = 2048").seq_len == (2048,)
    assert load(tmp_path, "seq_len = 2048", seq_len=()).seq_len == (2048,)


def test_a_shard_rule_of_the_options_replaces_the_other_of_the_file(tmp_path: Path) -> None:
    held = load(tmp_path, "num_shards = 4", rows_per_shard=100)
    assert (held.num_shards, held.rows_per_shard) == (None, 100)
    held = load(tmp_path, "rows_per_shard = 4", num_shards=100)
    assert (held.num_shards, held.rows_per_shard) == (100, None)


CHATS = 'messages_column = "m"\ntools_column = "t"\nchat_template = "c"\n'


@pytest.mark.parametrize(
    ("toml", "options", "left"),
    [
        ('tokens_column = "i"\nlabels_column = "l"', {"loss_mask_column": "m"}, {"tokens_column"}),
        ('tokens_column = "i"\nlabels_column = "l"', {"text_column": "text"}, set()),
        ('text_column = "body"', {"tokens_column": "i"}, set()),
        (CHATS, {"tokens_column": "i"}, set()),
        (CHATS, {"messages_column": "n"}, {"tools_column", "chat_template"}),
        (CHATS, {"prompt_column": "p", "completion_column": "c"}, set()),
    ],
)
def test_a_column_of_the_options_replaces_what_it_excludes_in_the_file(
    toml: str, options: dict[str, str], left: set[str], tmp_path: Path
) -> None:
    held = load(tmp_path, toml, **options)
    assert held.model_fields_set - options.keys() - {"spark"} == left
    assert {name: getattr(held, name) for name in options} == options


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tokens_column": "text", "messages_column": "m"}, "--tokens-column and --messages-col"),
        ({"tokens_column": "i", "messages_column": "text"}, "--tokens-column and --messages-col"),
        ({"tokens_column": "i", "text_column": "body"}, "--tokens-column and --text-column"),
        (
            {"tokens_column": "i", "labels_column": "text", "loss_mask_column": "m"},
            "--labels-column and --loss-mask-column",
        ),
    ],
)
def test_columns_that_exclude_each_other_do_so_by_any_name(
    options: dict[str, str], says: str
) -> None:
    with pytest.raises(InputError, match=f"{says}.* exclude each other"):
        load_settings(None, options)
    assert load_settings(None, {"tokens_column": "i", "text_column": "text"}).tokens_column == "i"


def test_both_shard_rules_exclude_each_other(tmp_path: Path) -> None:
    for load_both in (
        lambda: load(tmp_path, "num_shards = 4\nrows_per_shard = 4"),
        lambda: load_settings(None, {"num_shards": 4, "rows_per_shard": 4}),
    ):
        with pytest.raises(InputError, match="num_shards and rows_per_shard exclude each other"):
            load_both()


def test_spark_settings_are_dotted_strings_and_options_win_one_by_one(tmp_path: Path) -> None:
    toml = (
        "[spark]\nspark.sql.shuffle.partitions = 8\n"
        '"spark.ui.enabled" = true\nspark.master = "local[2]"\n'
    )
    held = load(tmp_path, toml, spark={"spark.master": "local[1]", "spark.x": "y"})
    assert held.spark == {
        "spark.sql.shuffle.partitions": "8",
        "spark.ui.enabled": "true",
        "spark.master": "local[1]",
        "spark.x": "y",
    }


@pytest.mark.parametrize("spark", [None, "spark.secret=x", ["spark.x"]])
def test_spark_settings_that_are_no_mapping_are_named_without_their_value(spark: Any) -> None:
    kind = type(spark).__name__
    with pytest.raises(InputError, match=f"spark: is no mapping of settings but a {kind}; "):
        load_settings(None, {"spark": spark})


def test_settings_are_frozen() -> None:
    held = load_settings(None, {"seed": 3})
    with pytest.raises(ValidationError, match="frozen"):
        held.seed = 4  # type: ignore[misc]


@pytest.mark.parametrize("seq_len", [1, 1000, MAX_SEQ_LEN])
def test_any_seq_len_of_the_range_is_taken(seq_len: int) -> None:
    assert MAX_SEQ_LEN == 1_048_576
    assert load_settings(None, {"seq_len": (seq_len,)}).seq_len == (seq_len,)


@pytest.mark.parametrize("bucket", ["b", "CC-MAIN-2024.10_x", "-", "0"])
def test_a_plain_name_is_a_bucket(bucket: str) -> None:
    assert load_settings(None, {"bucket": bucket}).bucket == (bucket,)


def test_one_bucket_of_the_file_needs_no_list(tmp_path: Path) -> None:
    assert load(tmp_path, 'bucket = "b"').bucket == ("b",)
    assert load(tmp_path, 'bucket = ["b", "a", "b"]').bucket == ("b", "a")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"seq_len": (0,)}, "--seq-len: 0; must be 1 to 1048576"),
        ({"seq_len": (8, MAX_SEQ_LEN + 1)}, "--seq-len: 1048577; must be 1 to 1048576"),
        ({"seq_len": (-1,)}, "--seq-len: -1; must be"),
        ({"bucket": ""}, "--bucket: ''; a bucket needs a name"),
        ({"bucket": "\udc80"}, "its bytes are not UTF-8"),
        ({"bucket": "+" * 81}, "its folder's name would have 243 characters, and at most 240 fit"),
        ({"num_shards": 0}, "--num-shards 0: "),
        ({"rows_per_shard": 0}, "--rows-per-shard 0: "),
        ({"group_documents_max": 0}, "--group-documents-max 0: "),
        ({"max_documents": 0}, "--max-documents 0: "),
        ({"max_documents": 4, "packing": "concat"}, "--packing concat cuts one stream"),
        ({"max_quarantined": 1.5}, "--max-quarantined 1.5: "),
        ({"audit_share": -0.1}, "--audit-share -0.1: "),
        ({"max_document_bytes": 0}, "--max-document-bytes 0: "),
        ({"seed": 2**31}, "--seed 2147483648: "),
        ({"seed": -1}, "--seed -1: "),
        ({"engine": "slow"}, "--engine 'slow': "),
        ({"packing": "worst_fit"}, "--packing 'worst_fit': "),
    ],
)
def test_a_value_out_of_range_is_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)) as raised:
        load_settings(None, options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("seed = 1\nb = 1\na = 1", "unknown key 'a'"),
        ("[bfpack]\nseed = 1", "unknown key 'bfpack'"),
        ("seed = 'x'", "--seed 'x': "),
        ("seed = 1.5", "--seed 1.5: "),
        ("seq_len = 'x'", "--seq-len 'x': "),
        ("seq_len = [8, 'x']", "--seq-len 'x': "),
        ("bucket = 3", "--bucket 3: "),
        ("seed = ", "c.toml: not readable as TOML"),
        ("spark = 3", "spark"),
        ("max_quarantined = true", "--max-quarantined True: is no number"),
        ("seq_len = [8, true]", "--seq-len [8, True]: is no number"),
        ("spark.sql.x = [1]", "spark.sql.x is a list; write its value as a text"),
    ],
)
def test_a_mistake_in_the_file_is_named(toml: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(says)) as raised:
        load(tmp_path, toml)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--config .*gone\.toml: no such file"):
        load_settings(tmp_path / "gone.toml", {})
    with pytest.raises(InputError, match=f"--config {tmp_path}: not readable as TOML"):
        load_settings(tmp_path, {})
    (tmp_path / "c.toml").write_bytes(b'bucket = "\xff"')
    with pytest.raises(InputError, match="not readable as TOML"):
        load_settings(tmp_path / "c.toml", {})


@pytest.mark.parametrize("name", ["input", "output", "tokenizer", "bucket", "seq_len"])
def test_what_a_command_cannot_do_without_is_asked_for(name: str) -> None:
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} is missing: "):
        load_settings(None, {}).need(name)
    given = {"seq_len": (8,), "bucket": ("x",), "input": ("x",)}.get(name, "x")
    assert load_settings(None, {name: given}).need(name) == given


@pytest.mark.parametrize("name", ["input", "output", "tokenizer", "publish_delta"])
def test_credentials_in_an_address_are_refused_and_not_repeated(name: str, tmp_path: Path) -> None:
    address = "s3://canary:canary@bucket/in"
    with pytest.raises(InputError) as in_file:
        load(tmp_path, f'{name} = "{address}"')
    with pytest.raises(InputError) as option:
        load_settings(None, {name: address})
    for raised in (in_file, option):
        said = str(raised.value)
        assert said.startswith(f"--{name.replace('_', '-')}: holds credentials")
        assert "canary" not in said
    for value in (f'["/x", "{address}"]', f'{{where = "{address}"}}', f"'''{address} x'''"):
        with pytest.raises(InputError) as of_any_shape:
            load(tmp_path, f"{name} = {value}")
        assert "canary" not in str(of_any_shape.value)


@pytest.mark.parametrize("key", ["a//out", "a/./out", "../out", "out//b"])
def test_an_output_in_a_store_has_plain_parts(key: str) -> None:
    with pytest.raises(InputError, match=f"^--output: s3://bucket/{key}: has a part that is empty"):
        load_settings(None, {"output": f"s3://bucket/{key}"})
    for whole in ("s3://bucket", "s3://bucket/a/out/", "/a//out", "file:///a//out", "../out"):
        assert load_settings(None, {"output": whole}).output is not None


def test_addresses_are_settings_in_the_form_in_which_they_travel(tmp_path: Path) -> None:
    held = load(tmp_path, 'output = "s3://b/out?region=x"\ntokenizer = "file:///t%41"')
    assert (held.output, held.tokenizer) == ("s3://b?region=x/out", "file:///t%41")


def test_inputs_are_one_or_several(tmp_path: Path) -> None:
    assert load(tmp_path, 'input = "~/a,b"').input == (f"{Path.home()}/a,b",)
    assert load(tmp_path, 'input = ["/a", "/b", "/a"]').input == ("/a", "/b")
    assert load(tmp_path, 'input = ["/a", "/b"]', input=("/c",)).input == ("/c",)
    with pytest.raises(InputError, match="--input is missing"):
        load(tmp_path, "input = []").need("input")


@pytest.mark.parametrize(
    ("key", "meant"),
    [("seqlen", "seq_len"), ('"--seq-len"', "seq_len"), ("Packing", "packing"), ("xyz", None)],
)
def test_an_unknown_key_is_told_the_one_that_was_meant(
    key: str, meant: str | None, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, f"{key} = 3\n")
    said = str(refused.value)
    assert said.startswith(f"{tmp_path}/c.toml: unknown key {key.strip(chr(34))!r}; ")
    assert (f"did you mean {meant!r}? The keys are: input, " in said) == (meant is not None)
    assert "he keys are: input, output, " in said
