"""No line that tells a mistake repeats what may be a secret."""

from pathlib import Path

import pytest
from conftest import Bfpack

TABLE = '[spark]\n"spark.hadoop.fs.s3a.secret.key" = "CANARY"\n'


@pytest.mark.parametrize(
    "toml",
    [
        TABLE,
        f"seqlen = 8\n{TABLE}",
        f"seed = 'x'\n{TABLE}",
        f"{TABLE}'spark.x.password' = ['CANARY', 1]\n",
        f"{TABLE}'spark.x.password' = CANARY\n",
        "spark = 'spark.x.password=CANARY'\n",
        "spark = ['spark.x.password=CANARY']\n",
    ],
)
def test_a_mistake_in_a_file_of_settings(toml: str, bfpack: Bfpack, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(toml)
    ran = bfpack("pack", "--config", config, "--input", "nowhere", "--bucket", "b")
    assert ran.code == 2
    assert ran.err.startswith("bfpack: error: ")
    assert "CANARY" not in ran.err + ran.out


@pytest.mark.parametrize("setting", ["spark.x.password CANARY", "=CANARY"])
def test_a_mistake_in_a_setting_on_the_command_line(setting: str, bfpack: Bfpack) -> None:
    ran = bfpack("pack", "--spark-conf", setting)
    assert ran.code == 2
    assert ran.err.endswith(": write KEY=VALUE\n")
    assert "CANARY" not in ran.err
