"""Names of tables, as SQL takes them."""

import re

from bfpack_spark.errors import InputError
from bfpack_spark.spark.frames import quoted


def table_name(asked: str, table: str) -> str:
    """Return the name of a table in SQL. Raise InputError, which begins with `asked`, if it cannot
    be one.

    "lake.db.docs" -> `lake`.`db`.`docs`
    """
    parts = table.split(".")
    if not all(re.fullmatch(r"[\w-]+", part) for part in parts):
        raise InputError(
            f"{asked}: no table is called so; write NAME, DB.NAME or CATALOG.DB.NAME, or a path "
            "(./NAME) with --input-format delta"
        )
    return ".".join(map(quoted, parts))
