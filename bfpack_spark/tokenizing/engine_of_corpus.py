"""The engine that tokenizes a corpus, chosen with a sample of its texts."""

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import Inventory, split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.tokenizing.parity import Choice, EngineChoice, choose_engine
from bfpack_spark.tokenizing.vocabulary import Vocabulary


def engine_for(
    wanted: EngineChoice, inventory: Inventory, columns: Columns, vocabulary: Vocabulary
) -> Choice:
    """Return the engine that tokenizes this corpus, and why it was chosen."""
    if columns.tokens:
        return Choice(engine="fastokens", why="not used: the documents are tokenized already")
    sample = [] if wanted == "tokenizers" else sample_texts(inventory, columns)
    return choose_engine(wanted, vocabulary, sample)


def sample_texts(inventory: Inventory, columns: Columns, max_bytes: int = 2 << 20) -> list[str]:
    """Return the first texts of up to eight places spread over the corpus, about `max_bytes`
    characters in total."""
    splits = split_inventory(inventory)
    spread = splits[:: max(1, len(splits) // 8)][:8]
    texts: list[str] = []
    for split in spread:
        room = max_bytes // len(spread)
        for documents in read_documents([split], inventory.format, columns, max_bytes):
            for text in documents.content.to_pylist():
                if text and len(text) <= room:
                    texts.append(text)
                    room -= len(text)
            if room < 1000:
                break
    return texts
