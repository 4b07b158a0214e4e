"""How often the 95 % intervals of `bfpack stats --sample` hold the truth, and how wide they are.

    python scripts/bench/samples.py .demo/corpus .demo/tokenizer [--prose CORPUS] [--seeds 200]

Tokenizes each corpus once, whole, and then draws samples of it for many seeds: the documents of a
corpus that is read whole, as `stats` does up to 64 MB, and clusters of a larger one, whose lengths
are generated. Beside each width stands the one of as many documents drawn alike whose sizes are not
used: twice the standard error of their mean to each side.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from commands import parser_of
from figures import about, print_head

from bfpack_spark.config import Settings
from bfpack_spark.core.expectations import Float64, cut_chance
from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.rules import Rules
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.draw_documents import chances_of
from bfpack_spark.corpus.inventory import split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.explore.sample_estimates import Named, Sample, estimates
from bfpack_spark.explore.sample_parts import Part, stratum_of, whole_stratum
from bfpack_spark.explore.statistics import rules_of
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary

SEQ_LEN = 2048
SIZES = (50, 100, 300)
CLUSTER_DOCUMENTS = 500  # of a row group of the generated corpus
CLUSTERS = 32  # draws of clusters, as `stats` makes of up to 640 documents
SHOWN = ("num_tokens", "mean_length", "cut_share", "truncations", "concat_cut_share")


@dataclass(frozen=True, kw_only=True)
class Corpus:
    name: str
    size: Int64  # bytes of each document
    length: Int64  # its tokens
    in_clusters: bool = False


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--prose", type=Path, help="a corpus of make_corpus.py --prose")
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    folders = {"demo": options.corpus} | ({"prose": options.prose} if options.prose else {})
    corpora = [_measured(name, folder, options.tokenizer) for name, folder in folders.items()]
    corpora += [_generated("long tail", 5000), _generated("long tail, clusters", 200_000)]
    print(f"{about()} {options.seeds} seeds, seq_len {SEQ_LEN}; width: median, of the truth.")
    print_head("corpus | N | what | held | width | width without sizes", "lrlrrr")
    for corpus in corpora:
        for num_documents in SIZES:
            _print_rows(corpus, num_documents, options.seeds)


def _print_rows(corpus: Corpus, num_documents: int, seeds: int) -> None:
    whole = Sample(strata=(whole_stratum(corpus.length),), num_read=0, num_refused=0)
    truth = {name: own.estimate.value for name, own in _estimates(whole).items()}
    held: Counter[str] = Counter()
    widths: dict[str, list[float]] = {name: [] for name in SHOWN}
    for seed in range(seeds):
        found = _estimates(_sample(corpus, num_documents, np.random.default_rng(seed)))
        for name in SHOWN:
            own = found[name].estimate
            held[name] += own.low <= truth[name] <= own.high
            widths[name].append((own.high - own.low) / truth[name])
    for name in SHOWN:
        cells = [corpus.name, f"{num_documents}", name, f"{held[name] / seeds:.1%}"]
        cells.append(f"{np.median(widths[name]):.0%}")
        values = _VALUES[name](corpus.length)
        alone = 4 * values.std() / np.sqrt(num_documents) / values.mean()
        print("|", " | ".join([*cells, f"{alone:.0%}"]), "|")


def _rules(packing: str) -> Rules:
    rules = rules_of(Settings.model_validate({"packing": packing}))
    return Rules(**{**vars(rules), "seq_len": SEQ_LEN})


_VALUES: dict[str, Callable[[Int64], Float64]] = {
    "num_tokens": lambda lengths: lengths.astype(np.float64),
    "mean_length": lambda lengths: lengths.astype(np.float64),
    "cut_share": lambda lengths: cut_chance(lengths, _rules("best_fit")),
    "truncations": lambda lengths: np.asarray(-(-lengths // SEQ_LEN) - 1, dtype=np.float64),
    "concat_cut_share": lambda lengths: cut_chance(lengths, _rules("concat")),
}


def _estimates(sample: Sample) -> dict[str, Named]:
    return {own.name: own for own in estimates(sample, [_rules("best_fit")])}


def _sample(corpus: Corpus, num_documents: int, random: np.random.Generator) -> Sample:
    if not corpus.in_clusters:
        draws, every = np.arange(num_documents), np.arange(len(corpus.size))
        parts = [_part(corpus, every, draws, None, random)]
        stratum = stratum_of(parts, num_documents, num_inserted=1)
    else:
        stratum = stratum_of(_clusters(corpus, num_documents, random), CLUSTERS, num_inserted=1)
    return Sample(strata=(stratum,), num_read=num_documents, num_refused=0)


def _clusters(corpus: Corpus, num_documents: int, random: np.random.Generator) -> list[Part]:
    groups = np.arange(len(corpus.size)) // CLUSTER_DOCUMENTS
    chances = np.bincount(groups, corpus.size) / corpus.size.sum()
    chosen = random.choice(len(chances), CLUSTERS, p=chances)
    counts = np.diff(np.arange(CLUSTERS + 1) * num_documents // CLUSTERS)
    parts = []
    for number in np.unique(chosen).tolist():
        mine = np.flatnonzero(chosen == number)
        draws = np.repeat(mine, counts[mine])
        within = np.flatnonzero(groups == number)
        parts.append(_part(corpus, within, draws, float(chances[number]), random))
    return parts


def _part(
    corpus: Corpus,
    within: Int64,
    draws: Int64,
    chance: float | None,
    random: np.random.Generator,
) -> Part:
    sizes = corpus.size[within]
    drawn = within[random.choice(len(within), len(draws), p=chances_of(sizes, sizes))]
    return Part(
        sizes=sizes,
        draws=draws,
        drawn_sizes=corpus.size[drawn],
        lengths=corpus.length[drawn],
        chance=chance,
    )


def _measured(name: str, folder: Path, tokenizer: Path) -> Corpus:
    """Read a corpus of texts and tokenize all of it."""
    settings = Settings.model_validate({"input": str(folder), "tokenizer": str(tokenizer)})
    inventory = take_inventory(str(folder), None)
    spec = TokenizeSpec(
        input_format=inventory.format,
        columns=Columns(content=settings.text_column, doc_id=None),
        vocabulary=read_vocabulary(settings),
        engine="tokenizers",
        max_document_bytes=settings.max_document_bytes,
        audit_share=0.0,
    )
    sizes, lengths = [], []
    splits = split_inventory(inventory)
    for batch in read_documents(splits, spec.input_format, spec.columns, spec.max_document_bytes):
        rows = spec.tokenize(batch)
        rows = rows.filter(rows.column("length").is_valid())
        sizes.append(rows.column("num_bytes").to_numpy())
        lengths.append(rows.column("length").to_numpy().astype(np.int64))
    return Corpus(name=name, size=np.concatenate(sizes), length=np.concatenate(lengths))


def _generated(name: str, num_documents: int) -> Corpus:
    """Log-normal lengths of 1,370 tokens on average with a Pareto tail of 2 % up to a million.
    Tokens a byte differ from document to document, and in clusters also from place to place."""
    random = np.random.default_rng(7)
    length = random.lognormal(6.5, 1.2, num_documents)
    tail = random.random(num_documents) < 0.02
    length[tail] = np.exp(6.5 + 2.4) * random.random(tail.sum()) ** (-1 / 1.3)
    length = np.clip(np.rint(length), 2, 10**6)
    in_clusters = num_documents > CLUSTERS * CLUSTER_DOCUMENTS
    rate = 0.27 * np.exp(random.normal(0, 0.22, num_documents))
    if in_clusters:
        places = random.normal(0, 0.2, num_documents // CLUSTER_DOCUMENTS + 1)
        rate *= np.exp(np.repeat(places, CLUSTER_DOCUMENTS)[:num_documents])
    size = np.rint(length / np.minimum(rate, 1)).astype(np.int64)
    return Corpus(name=name, size=size, length=length.astype(np.int64) + 1, in_clusters=in_clusters)


if __name__ == "__main__":
    main()
