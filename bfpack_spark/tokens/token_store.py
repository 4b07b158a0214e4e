"""A complete token store, as the later stages and the commands see it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bfpack_spark.errors import InputError
from bfpack_spark.files import access
from bfpack_spark.tokenizing.template_file import ChatTemplate, stored_template
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import FileKind, TokenizerFacts, TokensManifest
from bfpack_spark.versions.publication import Home

CHAT_TEMPLATE = "chat_template.json"  # beside tokenizer.json, where there are messages


@dataclass(frozen=True, kw_only=True)
class TokenStore:
    """The directory and the manifest of a complete version."""

    directory: str
    manifest: TokensManifest

    @property
    def name(self) -> str:
        """Return the name of the version."""
        return self.directory.rpartition("/")[2]

    @property
    def masks(self) -> bool:
        """Return whether its documents have loss masks."""
        return self.manifest.inputs.configuration.masks

    @property
    def paths(self) -> list[str]:
        """Return the paths of the token files, in the order in which `file` numbers them
        (read_places)."""
        return self.paths_of("documents")

    def paths_of(self, kind: FileKind) -> list[str]:
        """Return the paths of the files of one kind, in the order of the manifest."""
        return [access.resolve(self.directory, e.path) for e in self.manifest.files_of(kind)]

    @property
    def tokenizer(self) -> TokenizerFacts:
        return self.manifest.tokenizer

    def tokenizer_json(self) -> bytes:
        """Return the file of the tokenizer that made the tokens. It is kept beside them so that
        rows can be read as text. Raise InputError if it is gone, or another one."""
        raw = self.kept_tokenizer()
        if hashlib.sha256(raw).hexdigest() != self.manifest.inputs.tokenizer_sha256:
            path = f"{self.directory}/tokenizer.json"
            raise InputError(f"{path}: is not what made these tokens; put back the one that did")
        return raw

    def kept_tokenizer(self) -> bytes:
        """Return the same file, whatever it holds. Raise InputError if it is gone."""
        path = f"{self.directory}/tokenizer.json"
        raw = access.read_bytes(path)
        if raw is None:
            raise InputError(f"{path}: is gone; put back the tokenizer that made these tokens")
        return raw

    def chat_template(self) -> ChatTemplate:
        """Return the chat template that made texts of the conversations. Raise InputError if it is
        gone, or another one."""
        path = f"{self.directory}/{CHAT_TEMPLATE}"
        raw = access.read_bytes(path)
        template = None if raw is None else stored_template(raw)
        expected = self.manifest.inputs.configuration.chat_template_sha256
        if template is None or template.sha256 != expected:
            raise InputError(f"{path}: is not the template that made these tokens; put it back")
        return template

    def carried_counts(self) -> dict[str, Any]:
        """Return the counts of the documents that did not come into the store, and of the tokens
        that were inserted. The accounting of sequences repeats them, so that one account tells
        all."""
        accounting = self.manifest.accounting
        return {
            "num_documents_in": accounting.documents_in,
            "num_documents_empty": accounting.documents_empty,
            "num_documents_quarantined": accounting.documents_quarantined,
            "num_tokens_inserted": accounting.tokens_inserted,
        }

    def quarantined_targets(self) -> dict[str, int]:
        """Return what is known of the targets of the documents that are set aside, as fields of
        TargetsAccounting. Stores of earlier builds tell nothing."""
        accounting = self.manifest.accounting
        told = {
            "num_targets_quarantined": accounting.targets_quarantined,
            "num_documents_with_unknown_targets": accounting.documents_with_unknown_targets,
        }
        return {name: value for name, value in told.items() if value is not None}

    def shard_metadata(
        self, seq_len: int, pad_id: int, format_version: int, options: Mapping[str, Any]
    ) -> dict[str, str]:
        """Return the Parquet key-value metadata of every shard of a format of sequences that is
        made of these tokens. `options` are those of the plan that are off by default and are not
        off."""
        values = {
            "tokenizer_sha256": self.manifest.inputs.tokenizer_sha256,
            "vocabulary_size": self.tokenizer.vocabulary_size,
            "eos_id": self.tokenizer.eos_id,
            "bos_id": self.tokenizer.bos_id,
            "pad_id": pad_id,
            "seq_len": seq_len,
            "format_version": format_version,
        }
        if self.masks:
            values["loss_mask"] = True
        values |= options
        return {f"bfpack.{name}": json.dumps(value) for name, value in values.items()}


def open_token_store(output: str | Path, bucket: str, version: str | None = None) -> TokenStore:
    """Return the current token store of the bucket, or the version that is named. Raise InputError
    if there is none."""
    home = Home(output=str(output), bucket=bucket)
    directory, manifest = publication.current(home, version)
    assert isinstance(manifest, TokensManifest), f"{home.directory} holds token stores"
    return TokenStore(directory=directory, manifest=manifest)
