"""The command that shows one sequence or one document."""

from dataclasses import asdict

import cloup

from bfpack_spark.cli.draw import print_document, print_names, print_sequence
from bfpack_spark.cli.on_demand import on_demand
from bfpack_spark.cli.one_place import only_bucket, only_seq_len, published_seq_lens
from bfpack_spark.cli.options import command, json_option, settings_options, version_option
from bfpack_spark.cli.printing import print_json
from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.explore.document import find_document
from bfpack_spark.explore.sequence import read_sequence

names_of = on_demand("bfpack_spark.explore.names:names_of")


@command(
    "bfpack show --output out --bucket web --seq-len 2048 --sequence 3\n"
    "  bfpack show --output out --bucket web --seq-len 2048 --doc ID"
)
@settings_options("output", "bucket", "seq_len", required=("output",), once=("bucket",))
@cloup.option("--sequence", type=int, help="Names the sequence, by its sequence_id from 0.")
@cloup.option("--doc", "doc_id", help="Names a document, by its id, and not a sequence.")
@cloup.option(
    "--names",
    is_flag=True,
    help="Tells which names of Python the sequence uses and another one binds.",
)
@version_option
@json_option
def show(
    settings: Settings,
    sequence: int | None,
    doc_id: str | None,
    names: bool,
    version: str | None,
    as_json: bool,
) -> None:
    """Print one sequence as text, with the boundaries of its documents. Or print where a document
    went: its sequences, the offsets in them, and where it was cut."""
    output, bucket = settings.need("output"), only_bucket(settings)
    if (sequence is None) == (doc_id is None):
        raise InputError("give either --sequence N, to see a sequence, or --doc ID, to find one")
    if names and sequence is None:
        raise InputError("--names: give --sequence N, whose names are looked at")
    if doc_id is not None:
        seq_lens = published_seq_lens(settings, [bucket])
        places = [find_document(output, bucket, n, doc_id, version) for n in seq_lens]
        if as_json:
            print_json([asdict(whereabouts) for whereabouts in places])
        else:
            for whereabouts in places:
                print_document(whereabouts)
    elif sequence is not None:
        seq_len = only_seq_len(settings, bucket)
        shown = read_sequence(output, bucket, seq_len, sequence, version)
        named = names_of(output, shown, version) if names else []
        if as_json:
            print_json(asdict(shown) | ({"names": [*map(asdict, named)]} if names else {}))
        else:
            print_sequence(shown)
            print_names(named)
