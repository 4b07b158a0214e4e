"""The tokenizer that the user names: a tokenizer.json, and the files that may lie beside it."""

from dataclasses import replace
from typing import Any

from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.tokenizing.template_file import read_template
from bfpack_spark.tokenizing.vocabulary import Vocabulary, load_vocabulary


def read_vocabulary(settings: Settings) -> Vocabulary:
    """Read the tokenizer's file, and its chat template if there are messages, and take EOS, BOS and
    the policy for control tokens from the settings."""
    raw, companion = read_tokenizer(settings.need("tokenizer"))
    vocabulary = load_vocabulary(
        raw,
        companion,
        eos_token=settings.eos_token,
        bos_token=settings.bos_token,
        control_tokens=settings.control_tokens,
    )
    if settings.messages_column is None:
        return vocabulary
    template = read_template(
        settings.need("tokenizer"), companion, settings.chat_template, settings.tools_column
    )
    return replace(vocabulary, template=template)


def read_tokenizer(path: str, *, bytes_max: int = 1 << 28) -> tuple[bytes, dict[str, Any]]:
    """Return the file's bytes, and its tokenizer_config.json (empty if there is none). `path` is
    the file or the directory that holds it. Raises InputError if there is no such file, or if it
    has more than `bytes_max` bytes (one with 262k entries has 33 MB)."""
    file = path if access.is_file(path) else f"{path.rstrip('/')}/tokenizer.json"
    raw = None
    if access.is_file(file):
        fs, name = access.locate(file)
        size = fs.get_file_info(name).size
        if size is not None and size > bytes_max:
            raise InputError(
                f"--tokenizer {path}: {size} bytes, more than {bytes_max}; give a tokenizer.json"
            )
        raw = access.read_bytes(file)
    if raw is None:
        raise InputError(
            f"--tokenizer {path}: no tokenizer.json there; "
            "give the file or the directory that holds it"
        )
    folder = file.rpartition("/")[0] if "/" in file else "."
    try:
        companion = access.read_json(f"{folder}/tokenizer_config.json") or {}
    except (InputError, RecursionError) as error:
        raise InputError(f"--tokenizer {path}: {error}") from None
    return raw, companion
