"""What `bfpack_spark.explore` offers, each found when it is asked for."""

import ast
from pathlib import Path

import pytest
from conftest import run_python

from bfpack_spark import explore


def promised() -> set[str]:
    """The names that a type checker sees."""
    tree = ast.parse(Path(explore.__file__).read_text(encoding="utf-8"))
    (seen,) = [node for node in tree.body if isinstance(node, ast.If)]
    lines = [line for line in (*tree.body, *seen.body) if isinstance(line, ast.ImportFrom)]
    own = [line for line in lines if (line.module or "").startswith("bfpack_spark")]
    return {alias.name for line in own for alias in line.names}


def test_every_name_that_is_promised_is_there() -> None:
    names = promised()
    assert len(names) > 40
    assert {name for name in names if getattr(explore, name).__name__ != name} == set()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        explore.nothing  # noqa: B018


def test_only_names_that_are_promised_are_listed() -> None:
    assert dir(explore) == sorted(promised())


def test_a_name_brings_no_more_than_its_module_needs() -> None:
    code = (
        "import sys\nfrom bfpack_spark.explore import read_sequence\n"
        "print({'pandas', 'pyspark'} & set(sys.modules))"
    )
    ran = run_python(code)
    assert ran.out == "set()\n", ran.err
