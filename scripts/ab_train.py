"""Train a small GPT on the same documents, packed in four ways, and print what came out.

    make ab-train                                            documents that look names up
    make ab-train AB="--output OUT --bucket A --bucket B --seq-len 512"    two packings of a corpus

README.md explains the four arms, the documents of both tasks and what is asked. Of two packings of
a corpus, the buckets are of one token store, and one document in 20 is held out.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from ab_tasks import Exam, Task, buckets_task, lookup_task
from matplotlib.figure import Figure
from torch import nn
from torch.nn import functional

from bfpack_spark.errors import InputError
from bfpack_spark.reading import PackedSequences, layouts


class Arm(NamedTuple):
    name: str
    packing: str
    is_masked: bool = True
    is_cut: bool = False


ARMS = (
    Arm("concat", "concat", is_masked=False),
    Arm("concat, masked", "concat"),
    Arm("best fit, masked", "best_fit"),
    Arm("best fit, masked, cut", "best_fit", is_cut=True),
)
PAIRS = ((1, 0), (2, 1), (2, 3))  # the mask; packing; the cuts of packing
COLOURS = ("#5B6470", "#D55E00", "#0072B2", "#56B4E9")
WARM_UP = 20  # steps until the learning rate is reached, which then stays
Points: TypeAlias = list[dict[str, float]]  # of each time of asking: measure -> value
Results: TypeAlias = list[list[Points]]  # [arm][seed]
NEVER = float("inf")


@dataclass(frozen=True, kw_only=True)
class Size:
    """The model, and how long it is trained."""

    layers: int
    width: int
    heads: int
    rows: int  # of a step
    steps: int
    every: int  # steps until it is asked again
    learning_rate: float


class Block(nn.Module):
    """Attention with rotary positions, so that only distances in a row count, then an MLP."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads, width = size.heads, size.width
        self.norms = nn.ModuleList(nn.RMSNorm(width) for _ in range(2))
        self.seen = nn.Linear(width, 3 * width, bias=False)
        self.told = nn.Linear(width, width, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor, turns: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, seq_len, width = x.shape
        each = self.seen(self.norms[0](x)).view(rows, seq_len, 3, self.heads, -1)
        query, key, value = each.permute(2, 0, 3, 1, 4)
        query, key = turned(query, turns), turned(key, turns)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.told(seen.transpose(1, 2).reshape(rows, seq_len, width))
        return x + self.mlp(self.norms[1](x))


def turned(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    left, right = x.chunk(2, dim=-1)
    cos, sin = turns
    return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)


class Gpt(nn.Module):
    """Each token also holds a share of the one before it, so that values are soon told by names."""

    def __init__(self, size: Size, vocabulary: int, seq_len: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, size.width)
        self.share = nn.Parameter(torch.full((size.width,), 0.5))
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = nn.RMSNorm(size.width)
        self.logits = nn.Linear(size.width, vocabulary, bias=False)
        nn.init.normal_(self.embedding.weight, std=size.width**-0.5)
        half = size.width // size.heads // 2
        angles = torch.outer(torch.arange(seq_len), 1e4 ** -(torch.arange(half) / half))
        self.register_buffer("turns", torch.stack([angles.cos(), angles.sin()]))

    def forward(self, ids: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return logits. `seen`: bool [rows, 1, token, what it sees]."""
        x = self.embedding(ids)
        sees_last = seen.diagonal(-1, -2, -1).squeeze(1)[..., None]
        x = torch.cat([x[:, :1], x[:, 1:] + self.share * x[:, :-1] * sees_last], dim=1)
        for block in self.blocks:
            x = block(x, self.turns[:, : ids.shape[1]], seen)
        return self.logits(self.norm(x))


def predicted(model: Gpt, batch: layouts.Batch, arm: Arm) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits of all tokens, and the labels: of the next token, within its segment."""
    seq_len = batch["input_ids"].shape[1]
    mask = torch.ones(seq_len, seq_len, dtype=torch.bool).tril()
    if arm.is_masked:
        documents = torch.from_numpy(layouts.document_ids(batch))
        mask = mask & (documents[:, :, None] == documents[:, None, :])
    mask = mask.view(-1, 1, seq_len, seq_len)
    labels = torch.from_numpy(layouts.labels(batch, shifted=True))
    return model(torch.from_numpy(batch["input_ids"]), mask), labels


def asked(model: Gpt, exam: Exam) -> dict[str, float]:
    """Return the loss of each group of tokens that is asked for, and the share that is right."""
    with torch.no_grad():
        logits, labels = predicted(model, exam.batch, ARMS[1])
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    right = (logits.argmax(-1) == labels).flatten().float()
    measures = {}
    for name, flags in exam.asked.items():
        group = torch.from_numpy(np.roll(flags, -1, axis=1)).flatten()
        measures[f"loss: {name}"] = float(losses[group].mean())
        measures[f"right: {name}"] = float(right[group].mean())
    return measures


def rows_of(task: Task, arm: Arm, rows: int, seed: int) -> Iterator[layouts.Batch]:
    """Yield full batches of an arm, without end. No document that is held out is a target."""
    bucket = task.buckets[arm.packing]
    data = PackedSequences(task.output, bucket=bucket, seq_len=task.seq_len, seed=seed)
    generator = np.random.default_rng(seed)
    if data.num_rows < rows:
        raise InputError(f"bucket {bucket}: has {data.num_rows} rows; give fewer by --rows")
    for epoch in count():
        data.set_epoch(epoch)
        for batch in data.batches(rows):
            if len(batch["input_ids"]) < rows:
                break
            if task.is_held_out is not None:
                segments = data.documents(data.position - rows, rows)
                held = [task.is_held_out(segment.doc_id) for segment in segments]
                batch["is_padding"] = batch["is_padding"] | np.array(held)
            yield cut_once(batch, generator) if arm.is_cut else batch


def cut_once(batch: layouts.Batch, generator: np.random.Generator) -> layouts.Batch:
    """Cut one segment of each row at random: a row of [5, 3] -> [2, 3, 3], for instance."""
    ends = np.cumsum(batch["seq_lengths"])
    is_inside = np.repeat(~batch["is_padding"], batch["seq_lengths"])
    is_inside[ends - batch["seq_lengths"]] = False
    inside = is_inside.reshape(batch["input_ids"].shape)
    starts = np.arange(len(inside)) * inside.shape[1]
    can = inside.any(axis=1)  # not where all is held out
    cuts = np.array([generator.choice(np.flatnonzero(row)) for row in inside[can]]) + starts[can]
    segment = np.searchsorted(ends, cuts, "right")
    return {
        **batch,
        "seq_lengths": np.diff(np.sort(np.concatenate([ends, cuts])), prepend=0).astype(np.int32),
        "is_padding": np.insert(batch["is_padding"], segment, batch["is_padding"][segment]),
        "num_segments": batch["num_segments"] + can,
    }


def train(task: Task, arm: Arm, size: Size, seed: int) -> Points:
    """Return what the model of an arm and a seed answers, each time that it is asked."""
    torch.manual_seed(seed)
    model = Gpt(size, task.vocabulary, task.seq_len)
    optimizer = torch.optim.AdamW(
        model.parameters(), size.learning_rate, betas=(0.9, 0.95), weight_decay=0.01
    )
    warming = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min((n + 1) / WARM_UP, 1))
    points = []
    for step, batch in enumerate(islice(rows_of(task, arm, size.rows, seed), size.steps), 1):
        logits, labels = predicted(model, batch, arm)
        loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        warming.step()
        if step % size.every == 0:
            points.append(asked(model, task.exam))
            print(f"seed {seed}, {arm.name}: step {step}, {points[-1]}", file=sys.stderr)
    return points


def half_way(points: Points, name: str, every: int) -> float:
    """Return the step at which half is right, between two times of asking, or NEVER."""
    before = 0.0
    for number, point in enumerate(points):
        if point[name] >= 0.5:
            return every * (number + (0.5 - before) / (point[name] - before))
        before = point[name]
    return NEVER


def scores_of(results: Results, chief: str, every: int) -> dict[str, np.ndarray]:
    """Return what came out at the end: measure -> [arm, seed]."""
    scores = {
        name: np.array([[points[-1][name] for points in arm] for arm in results])
        for name in results[0][0][-1]
    }
    if chief.startswith("right"):
        steps = [[half_way(points, chief, every) for points in arm] for arm in results]
        scores[f"steps until half of {chief.removeprefix('right: ')} are right"] = np.array(steps)
    return scores


def said(values: np.ndarray) -> str:
    """Return mean and standard deviation over the seeds."""
    reached = np.isfinite(values)
    if not reached.all():
        return f"{reached.sum()} of {len(values)} seeds"
    digits = 0 if abs(values).max() >= 10 else 3
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"


def differences(score: np.ndarray) -> Iterator[str]:
    """Yield, of each pair of arms, the difference, and in how many seeds it has which sign."""
    for one, other in PAIRS:
        pairs = zip(score[one], score[other], strict=True)
        less = np.array([a - b if a != b else 0.0 for a, b in pairs])  # both NEVER: 0
        signs = f"{(less < 0).sum()} lower, {(less > 0).sum()} higher"
        is_known = np.isfinite(score[[one, other]]).all()
        yield f"{said(less)}; {signs}" if is_known else signs


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def report(results: Results, chief: str, every: int) -> str:
    """Return three tables: the chief measure by step, the end, and the differences of arms."""
    names = [arm.name for arm in ARMS]
    scores = scores_of(results, chief, every)
    by_step = [
        [f"{every * (at + 1)}", *(said(np.array([p[at][chief] for p in arm])) for arm in results)]
        for at in range(len(results[0][0]))
    ]
    at_end = [[name, *map(said, score)] for name, score in scores.items()]
    pairs = [f"{names[one]} less {names[other]}" for one, other in PAIRS]
    compared = [[name, *differences(score)] for name, score in scores.items()]
    return "\n".join(
        (
            table([f"{chief}, at step", *names], by_step),
            table(["at the end", *names], at_end),
            table(["difference", *pairs], compared),
        )
    )


def draw(results: Results, chief: str, every: int, path: Path) -> None:
    """Draw the chief measure by step: the mean, and the least and the most of the seeds."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for arm, held, colour in zip(ARMS, results, COLOURS, strict=True):
        values = np.array([[point[chief] for point in points] for points in held])
        steps = every * np.arange(1, values.shape[1] + 1)
        axes.plot(steps, values.mean(axis=0), color=colour, label=arm.name)
        axes.fill_between(
            steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0
        )
    axes.set(xlabel="step", ylabel=chief)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train on one corpus, packed in four ways.")
    add = parser.add_argument
    add("--lookup", action="store_true", help="documents that look names up (without --output)")
    add("--output", help="of bfpack pack")
    add("--bucket", action="append", default=[], help="two: the same documents, packed both ways")
    for name, default, meaning in (
        ("seq-len", 128, "tokens of a row"),
        ("seeds", 5, "runs of each arm, from 2 on"),
        ("steps", 400, "of training"),
        ("every", 25, "steps until the model is asked again"),
        ("rows", 8, "of a step"),
        ("uses", 2, "of each name in a document of a lookup"),
        ("layers", 2, "of the model"),
        ("width", 64, "of the model"),
        ("heads", 4, "of the model"),
    ):
        add(f"--{name}", type=int, default=default, help=f"{meaning} ({default})")
    add("--learning-rate", type=float, default=6e-3, help="of AdamW (0.006)")
    add("--plot", type=Path, help="draw the table by step as this file (.svg, .png)")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    options = arguments(given)
    torch.set_num_threads(1)  # so that the same sums are made in the same order
    size = Size(**{name: getattr(options, name) for name in Size.__dataclass_fields__})
    chief = "loss: all" if options.output else "right: conflicts"
    num_tokens = int(1.1 * options.steps * options.rows * options.seq_len)
    results: Results = [[] for _ in ARMS]
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            if options.output:
                task = buckets_task(options.output, options.bucket, options.seq_len)
            else:
                task = lookup_task(folder, options.seq_len, num_tokens, seed, options.uses)
            for arm, held in zip(ARMS, results, strict=True):
                held.append(train(task, arm, size, seed))
    parameters = sum(p.numel() for p in Gpt(size, task.vocabulary, task.seq_len).parameters())
    print(f"{options.seeds} seeds, {size.steps} steps of {size.rows} x {task.seq_len} tokens, "
          f"{parameters:,} parameters, torch {torch.__version__}\n")  # fmt: skip
    print(report(results, chief, size.every))
    if options.plot:
        draw(results, chief, size.every, options.plot)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"ab_train: {error}")
