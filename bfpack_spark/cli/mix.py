"""`bfpack mix`: several buckets with weights, written down as one stream for a training run."""

import re
from contextlib import ExitStack
from fractions import Fraction

import click
import cloup

from bfpack_spark.cli.options import command, settings_options
from bfpack_spark.cli.printing import say
from bfpack_spark.config import Settings
from bfpack_spark.core.mixture import lanes_needed
from bfpack_spark.errors import InputError
from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.files.what_is_there import instead, seq_lens_there
from bfpack_spark.logs import log
from bfpack_spark.printable import counted
from bfpack_spark.report.words import mean
from bfpack_spark.versions.metadata import check_name
from bfpack_spark.versions.mixtures import Mixture, MixtureRequest, plan_mixture, write_mixture
from bfpack_spark.versions.on_disk import buckets_of

_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_LARGEST = 2**63 - 1
_DEFAULT_LANES = 16  # of a reader


@command(
    "bfpack mix blend --output out --seq-len 2048 --weight web=0.7 --weight code=0.3 --epochs web=1"
)
@settings_options("output", "seq_len", required=("output", "seq_len"), once=("seq_len",))
@cloup.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="BUCKET=NUMBER",
    help="Sets the share of a bucket among all tokens, in proportion to the sum of all weights.  "
    "[required]",
)
@cloup.option(
    "--tokens",
    type=click.IntRange(min=1, max=_LARGEST),
    help="Sets the length of the mixture in tokens, with padding; with --continues, of what comes "
    "after POSITION. By default the bucket that ends first is read once.",
)
@cloup.option(
    "--epochs",
    metavar="BUCKET=NUMBER",
    help="Sets the length so that this bucket is read NUMBER times, instead of --tokens.",
)
@cloup.option(
    "--seed",
    type=click.IntRange(min=0, max=_LARGEST),
    help="Sets the seed of the order of each bucket's rows.  [default: 0, or that of the mixture "
    "that is continued]",
)
@cloup.option(
    "--continues",
    metavar="NAME@POSITION",
    help="Goes on after this position (rows of all ranks) of an older mixture, with each bucket "
    "where it was.",
)
@cloup.argument("name")
def mix(
    settings: Settings,
    name: str,
    weights: tuple[str, ...],
    tokens: int | None,
    epochs: str | None,
    seed: int | None,
    continues: str | None,
) -> None:
    """Write down under NAME how the current versions of several buckets become one stream of rows,
    which PackedSequences reads and prune keeps. Print the file of the mixture, and log what is
    drawn."""
    check_name("mixture", name)
    request = MixtureRequest(
        seq_len=_one_seq_len(settings),
        weights=_weights(weights),
        tokens=tokens,
        epochs=_epochs(epochs, tokens, weights),
        seed=seed,
        continues=_position(continues) if continues else None,
    )
    output = settings.need("output")
    there = buckets_of(output)
    for bucket in request.weights:
        if bucket not in there:
            raise InputError(
                f"--weight {bucket}: no such bucket in {output}{instead('buckets', there)}"
            )
        if request.seq_len not in (at := seq_lens_there(output, bucket)):
            raise InputError(
                f"--weight {bucket}: no sequences of {request.seq_len} are published in {output}"
                + instead("seq_lens", [*map(str, at)])
            )
    with ExitStack() as held:  # current versions stay current until the mixture is written
        for bucket in sorted(request.weights):
            held.enter_context(hold_bucket(output, bucket))
        mixture = plan_mixture(output, name, request)
        path = write_mixture(output, mixture)
    _say_drawn(mixture)
    say(path)


def _one_seq_len(settings: Settings) -> int:
    settings.need("seq_len")
    if len(settings.seq_len) > 1:
        raise InputError(f"--seq-len {settings.seq_len[1]}: a mixture has one; give it once")
    return settings.seq_len[0]


def _weights(items: tuple[str, ...]) -> dict[str, str]:
    weights: dict[str, str] = {}
    for item in items:
        bucket, weight = _number_of("--weight", item)
        if bucket in weights:
            raise InputError(f"--weight {item}: bucket {bucket} has a weight; give it once")
        weights[bucket] = weight
    if not weights:
        raise InputError("--weight: name the buckets of the mixture, such as --weight web=0.7")
    return weights


def _epochs(
    item: str | None, tokens: int | None, weights: tuple[str, ...]
) -> tuple[str, Fraction] | None:
    if item is None:
        return None
    if tokens is not None:
        raise InputError(f"--tokens {tokens}, --epochs {item}: give one of the two")
    bucket, number = _number_of("--epochs", item)
    if bucket not in _weights(weights):
        raise InputError(f"--epochs {item}: bucket {bucket} has no --weight; give it one")
    return bucket, Fraction(number)


def _number_of(flag: str, item: str) -> tuple[str, str]:
    bucket, _, number = item.rpartition("=")
    if not bucket or not _NUMBER.fullmatch(number) or not Fraction(number):
        raise InputError(
            f"{flag} {item:.60}: write BUCKET=NUMBER, such as web=0.7, above 0 and of at most 18 "
            "digits before and after the point"
        )
    return bucket, number


def _position(item: str) -> tuple[str, int]:
    name, _, position = item.rpartition("@")
    if not re.fullmatch("[0-9]{1,18}", position):
        raise InputError(f"--continues {item}: write NAME@POSITION, such as blend@100000")
    check_name("mixture", name)
    return name, int(position)


def _say_drawn(mixture: Mixture) -> None:
    for name, bucket in mixture.buckets.items():
        epochs = mean(bucket.rows_drawn / bucket.rows)
        of = f"{epochs} epochs of {counted(bucket.rows, 'row')}"
        log.info("%s: %s: %s, %s", mixture.name, name, counted(bucket.rows_drawn, "row"), of)
    total = sum(bucket.rows_drawn for bucket in mixture.buckets.values())
    tokens = f"{total * mixture.seq_len:,} tokens with padding"
    log.info("%s: %s, %s", mixture.name, counted(total, "row"), tokens)
    lanes = lanes_needed(mixture.num_rows)
    if lanes > _DEFAULT_LANES:
        log.warning("%s: is read with lanes=%d or more, because it is long", mixture.name, lanes)
