"""The tokenizer that the user names: a tokenizer.json, and what may lie beside it."""

from typing import Any

from bfpack_spark.errors import InputError
from bfpack_spark.storage import files


def read_tokenizer(path: str) -> tuple[bytes, dict[str, Any]]:
    """The file's bytes, and its tokenizer_config.json (empty if there is none). `path` is the
    file or the directory that holds it."""
    file = path if files.is_file(path) else f"{path.rstrip('/')}/tokenizer.json"
    raw = files.read_bytes(file) if files.is_file(file) else None
    if raw is None:
        raise InputError(
            f"--tokenizer {path}: no tokenizer.json there; "
            "give the file or the directory that holds it"
        )
    folder = file.rpartition("/")[0] if "/" in file else "."
    try:
        return raw, files.read_json(f"{folder}/tokenizer_config.json") or {}
    except InputError as error:
        raise InputError(f"--tokenizer {path}: {error}") from None
