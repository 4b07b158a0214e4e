"""The notebook runs from top to bottom, as `make notebook` opens it."""

import ast
import re
import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest
from conftest import Corpus
from demo_notebook import SOURCE, on_small
from nbclient import NotebookClient
from outputs import current, manifest


@pytest.fixture(scope="module")
def output(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, since the notebook adds a bucket."""
    return shutil.copytree(packed, tmp_path_factory.mktemp("notebook") / "output")


@pytest.fixture(scope="module")
def ran(output: Path, corpus: Corpus) -> nbformat.NotebookNode:
    """The notebook with its outputs, on a small output instead of the demo's."""
    book = jupytext.read(SOURCE)
    (parameters,) = (c for c in book.cells if "parameters" in c.metadata.get("tags", []))
    parameters.source = on_small(parameters.source, output, corpus)
    resources = {"metadata": {"path": str(SOURCE.parent)}}
    NotebookClient(book, timeout=120, kernel_name="python3", resources=resources).execute()
    return book


def outputs(book: nbformat.NotebookNode, code: str, kind: str) -> list[str]:
    """What the cell that holds this code shows, in one form."""
    (cell,) = (c for c in book.cells if c.cell_type == "code" and code in c.source)
    return [o.data[kind] for o in cell.outputs if "data" in o and kind in o.data]


def test_every_cell_that_should_show_something_does(ran: nbformat.NotebookNode) -> None:
    code = [cell for cell in ran.cells if cell.cell_type == "code"]
    assert len(code) > 15
    assert all(cell.execution_count for cell in code)
    pictures = [c for c in code if c.source.splitlines()[-1].startswith("plots.")]
    assert len(pictures) >= 8
    for cell in pictures:
        (shown,) = [o for o in cell.outputs if o.output_type == "execute_result"]
        assert len(shown.data["image/png"]) > 5000, cell.source


@pytest.mark.parametrize(
    "code",
    [
        *("quantiles_frame(", "[columns]", "estimates_frame(", "WHERE doc_id", "mixed.head("),
        *("context_frame(", "references_frame(", "whole_rows_frame("),
    ],
)
def test_frames_have_rows(ran: nbformat.NotebookNode, code: str) -> None:
    (shown,) = outputs(ran, code, "text/html")
    assert shown.count("<tr") > 1


def test_a_conversation_is_shown_with_its_targets(ran: nbformat.NotebookNode) -> None:
    (shown,) = outputs(ran, "render_conversation(", "text/html")
    assert shown.count('class="target control"') == 2  # the template's own words
    assert "tokens are targets" in shown
    targets = re.findall(r'<span class="target[^"]*">([^<]*)</span>', shown)
    said = "".join(targets)
    assert said.startswith("Nothing: it ends a text for a model.&lt;|endoftext|&gt;It ends")


def test_a_sequence_is_shown_with_its_documents(ran: nbformat.NotebookNode) -> None:
    (shown,) = outputs(ran, "render_sequence(", "text/html")
    assert 'class="bfpack-sequence"' in shown
    assert shown.count('<p style="border-color: #') >= 1


@pytest.mark.parametrize(
    ("code", "rows"),
    [
        ("rows_of(pieces", "[[8], [7], [6, 2], [5, 3]]"),
        ("rows_of(stream", "[[8], [6, 2], [5, 3], [2, 2, 3]]"),
        ("rows_of(more", "[[8], [6], [6], [4, 3]]"),
    ],
)
def test_the_papers_examples_are_packed(ran: nbformat.NotebookNode, code: str, rows: str) -> None:
    assert outputs(ran, code, "text/plain") == [rows]


@pytest.mark.parametrize("bucket", ["BUCKET", "CONCAT"])
def test_names_that_another_sequence_binds_are_red(ran: nbformat.NotebookNode, bucket: str) -> None:
    (shown,) = outputs(ran, f"render_names(max(names[{bucket}]", "text/html")
    assert '<mark title="' in shown
    assert re.search(r", bound at token \d+ in sequence \d+", shown)


def test_the_corpus_is_packed_both_ways(ran: nbformat.NotebookNode, output: Path) -> None:
    (shown,) = outputs(ran, "names_by_sequence", "text/plain")
    num_names = ast.literal_eval(shown)
    assert set(num_names) == {"small", "small-concat"}
    assert all(num_names.values())
    for bucket, packing in (("small", "best_fit"), ("small-concat", "concat")):
        configuration = manifest(current(output, bucket, "sequences-2048"))["inputs"][
            "configuration"
        ]
        assert configuration["packing"] == packing
