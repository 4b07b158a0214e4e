"""Which session the notebook works on: the one that is there.
tests/integration has the notebook as JupyterLab runs it, and on Spark Connect."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from conftest import Corpus
from demo_notebook import script
from pyspark.sql import SparkSession


def test_the_notebook_takes_the_session_that_is_there_and_leaves_it(
    spark: SparkSession, copied: Path, corpus: Corpus
) -> None:
    before = spark.conf.get("spark.sql.shuffle.partitions")
    names: dict[str, Any] = {}
    exec(compile(script(copied, corpus), "notebook", "exec"), names)  # our own text
    plt.close("all")
    assert names["spark"] is spark
    assert len(names["mixed"]) > 10
    assert spark.conf.get("spark.sql.shuffle.partitions") == before
    assert spark.range(3).count() == 3
