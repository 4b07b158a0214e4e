"""A token store that is there already, and what decides the tokens of one."""

from typing import Any, get_args

from bfpack_spark.config import Settings
from bfpack_spark.tokenizing.engines import EngineName, Limits, limits_of
from bfpack_spark.tokens.source import Source
from bfpack_spark.versions.inputs import TokensConfiguration, TokensInputs
from bfpack_spark.versions.publication import Version
from bfpack_spark.versions.whole import in_any_format

_COLUMNS_OF_TARGETS = (
    *("labels_column", "loss_mask_column", "messages_column", "tools_column"),
    *("prompt_column", "completion_column"),
)


def find_store(settings: Settings, source: Source) -> Version | None:
    """Return a complete version for these settings, or None. The engines have different size
    limits, and `auto` may have taken either engine, so the versions of both are looked for."""
    engine: EngineName
    for engine in get_args(EngineName):
        if settings.engine in ("auto", engine) or settings.tokens_column:
            inputs = tokens_inputs(settings, source, limits_for(settings, engine, source))
            version = in_any_format(Version(home=source.home, inputs=inputs))
            if version.manifest() is not None:
                return version
    return None


def limits_for(settings: Settings, engine: EngineName, source: Source) -> Limits:
    """Return the largest document that an engine takes from this text."""
    return limits_of(engine, source.vocabulary, in_one_piece=settings.is_chat)


def tokens_inputs(settings: Settings, source: Source, limits: Limits) -> TokensInputs:
    """Return all that decides the tokens under these limits of an engine. Only a limit that can
    change the result is in it."""
    inventory, vocabulary, uncut = source.inventory, source.vocabulary, limits.max_uncut_bytes
    where_they_decide: dict[str, Any] = {}
    if uncut is not None and settings.max_document_bytes > uncut:
        where_they_decide["max_uncut_bytes"] = uncut
    if settings.bucket_column is not None:
        bucket = source.home.bucket
        where_they_decide |= {"bucket_column": settings.bucket_column, "bucket": bucket}
    for name in _COLUMNS_OF_TARGETS:
        if getattr(settings, name):
            where_they_decide[name] = getattr(settings, name)
    if settings.tokens_column is None and vocabulary.pad_is_kept_out:
        where_they_decide["own_pad_id"] = vocabulary.own_pad_id
    if vocabulary.template is not None:
        where_they_decide["chat_template_sha256"] = vocabulary.template.sha256
    configuration = TokensConfiguration(
        input_format=inventory.format,
        text_column=None if settings.has_masks or settings.tokens_column else settings.text_column,
        tokens_column=settings.tokens_column,
        id_column=settings.id_column,
        eos_id=vocabulary.eos_id,
        bos_id=vocabulary.bos_id,
        control_tokens=settings.control_tokens,
        max_document_bytes=min(settings.max_document_bytes, limits.max_bytes),
        **where_they_decide,
    )
    return TokensInputs(
        configuration=configuration,
        tokenizer_sha256=vocabulary.sha256,
        inventory=inventory.for_fingerprint(),
    )
