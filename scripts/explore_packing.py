# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Looking at a packing
#
# What packing does to a corpus, before and after. `make demo` makes the output that this opens; to
# look at another one, change the next cell. Every number here is from `bfpack_spark.explore`, as on
# the terminal (`bfpack stats`, `bfpack show`) and in the report.

# %%
# %matplotlib inline
import subprocess
import sys
from dataclasses import replace

import numpy as np
from IPython.display import HTML

from bfpack_spark import explore
from bfpack_spark.config import Settings
from bfpack_spark.core.best_fit import pack
from bfpack_spark.core.fragments import cut_documents, cut_stream
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.explore import plots
from bfpack_spark.report.render import render_conversation, render_names, render_sequence

# %% tags=["parameters"]
OUTPUT, BUCKET = "../.demo/out", "demo"
CORPUS, TOKENIZER = "../.demo/corpus", "../.demo/tokenizer"
SEQ_LEN = 2048  # one at which the bucket is packed
SAMPLE = 300  # documents of the corpus
LOOK = 20  # sequences whose names are looked at
WHAT_IF = (512, 1024, 2048, 4096, 8192, 16384, 32768)

# %% [markdown]
# ## The documents
#
# From lengths alone: no token is read, and no Spark is needed.

# %%
histogram = explore.read_histogram(OUTPUT, BUCKET)
stats = explore.corpus_stats(histogram, WHAT_IF, bucket=BUCKET)
explore.quantiles_frame([stats])

# %%
plots.documents_by_length(explore.corpus_stats(histogram, (SEQ_LEN,), bucket=BUCKET))

# %% [markdown]
# ## What if
#
# Every `seq_len`, packed on counts: the numbers are those that `bfpack pack` would make.

# %%
columns = ["seq_len", "num_sequences", "overhead", "padding_share", "cut_share", "concat_cut_share"]
explore.summary_frame([stats])[columns]

# %%
plots.cut_documents(stats)

# %%
plots.costs(stats)

# %% [markdown]
# Long documents can be split, truncated or dropped. This is what each leaves out:

# %%
plots.policies(stats)

# %%
truncated = explore.corpus_stats(
    histogram, WHAT_IF, replace(explore.rules_of(), long_documents="truncate")
)
explore.summary_frame([truncated])[
    ["seq_len", "num_sequences", "num_tokens_truncated", "padding_share"]
]

# %% [markdown]
# ## Best fit against concatenation
#
# Figure 4 of the paper, on these documents: how often the documents of each length are cut in all,
# at two `seq_len`, and below it the mean of a document.

# %%
plots.truncations_by_length(stats, SEQ_LEN, 4 * SEQ_LEN)

# %%
plots.attention(stats)

# %% [markdown]
# ## A corpus that is not packed yet
#
# A random sample of its documents, tokenized as a run does, tells the same, with its error.

# %%
settings = Settings(input=CORPUS, tokenizer=TOKENIZER)
sampled = explore.sample_stats(explore.sample_input(settings, SAMPLE), (SEQ_LEN,))
explore.estimates_frame(sampled[0])

# %% [markdown]
# ## What a cut takes away
#
# The paper packs documents of 14, 7, 5, 2 and 3 tokens at 8. Only the first is cut, into pieces of
# 8 and 6. Best fit takes the pieces longest first, and each goes to the fullest sequence that still
# has room: the 3 goes beside the 5, and the 2 beside the 6.


# %%
def rows_of(lengths, row):
    return [lengths[row == number].tolist() for number in range(row.max() + 1)]


paper = np.array([14, 7, 5, 2, 3])
pieces = cut_documents(paper, 8).length
rows_of(pieces, pack(pieces, 8)[0])

# %% [markdown]
# Concatenation cuts three of the five in this order.

# %%
stream, row = cut_stream(paper, 8)
rows_of(stream.length, row)

# %% [markdown]
# Where does a 3 go if pieces of 8, 6, 6 and 4 are there? The sequences of the 6 are fuller, but
# have no room for it, so it goes beside the 4.

# %%
more = np.array([8, 6, 6, 4, 3])
rows_of(more, pack(more, 8)[0])

# %% [markdown]
# What tokens see of their documents follows from the lengths alone: of all documents, and of those
# that fit.

# %%
explore.context_frame(stats).query("seq_len == @SEQ_LEN")

# %%
plots.context_by_length(stats, SEQ_LEN)

# %%
plots.together(stats, SEQ_LEN)

# %% [markdown]
# Of the names of Python in a sample, these shares are used in another row than they are bound in.

# %%
named = explore.sample_stats(
    explore.sample_input(settings, SAMPLE, "python"), (SEQ_LEN, 4 * SEQ_LEN)
)
explore.references_frame(named[0])

# %% [markdown]
# To see such names, pack the same corpus the other way too, as a bucket of its own. The second
# time, there is nothing to do.

# %%
CONCAT = f"{BUCKET}-concat"
options = f"--seq-len {SEQ_LEN} --packing concat".split()
where = ["--input", CORPUS, "--tokenizer", TOKENIZER, "--output", OUTPUT, "--bucket", CONCAT]
subprocess.run([sys.executable, "-m", "bfpack_spark", "pack", *where, *options], check=True)


# %% [markdown]
# Of the first sequences of each bucket, the one that uses most names which another sequence binds.
# They are red; with the pointer over a name, it tells where it is bound.


# %%
def names_by_sequence(bucket):
    sequences = (explore.read_sequence(OUTPUT, bucket, SEQ_LEN, n) for n in range(LOOK))
    return [explore.names_of(OUTPUT, sequence) for sequence in sequences]


def num_out_of_sight(named):
    return sum(len(segment.out_of_sight) for segment in named)


names = {bucket: names_by_sequence(bucket) for bucket in (BUCKET, CONCAT)}
{bucket: sum(map(num_out_of_sight, sequences)) for bucket, sequences in names.items()}

# %%
HTML(render_names(max(names[BUCKET], key=num_out_of_sight)))

# %%
HTML(render_names(max(names[CONCAT], key=num_out_of_sight)))

# %% [markdown]
# ## One sequence
#
# Its documents and where they end, with a red edge where a document is cut.

# %%
sequence = explore.read_sequence(OUTPUT, BUCKET, SEQ_LEN, 0)
plots.sequence(sequence)

# %%
HTML(render_sequence(sequence))

# %% [markdown]
# ## Conversations
#
# For fine-tuning, a chat template writes a conversation as text, and `{% generation %}` says what
# of it the model is to learn. In colour are the targets, and underlined are the control tokens. The
# `<|endoftext|>` in the question is not one: what a message says stays text.

# %%
TEMPLATE = """{%- for message in messages -%}
{{ message.role + ':\\n' }}
{%- if message.role == 'assistant' -%}
{%- generation %}{{ message.content + '<|endoftext|>' }}{% endgeneration -%}
{%- else -%}
{{ message.content + '\\n' }}
{%- endif -%}
{%- endfor -%}"""
MESSAGES = [
    {"role": "user", "content": "What does <|endoftext|> do in Python?"},
    {"role": "assistant", "content": "Nothing: it ends a text for a model."},
    {"role": "user", "content": "And return?"},
    {"role": "assistant", "content": "It ends a function:\n    return value"},
]
conversation = explore.conversation_tokens(TOKENIZER, TEMPLATE, MESSAGES)
HTML(render_conversation(conversation))

# %% [markdown]
# Conversations are packed whole. These are 100,000 lengths whose mean is 1,207 tokens. Each row of
# the table leaves out those that do not fit, and `padded_share` is the padding if each of the
# others has a row of its own. Concatenation would cut `concat_cut_share` of all.

# %%
lengths = np.random.default_rng(0).lognormal(np.log(1207) - 0.5, 1.0, 100_000).astype(np.int64) + 1
whole = explore.corpus_stats(
    Histogram.of_counts(np.bincount(lengths)),
    WHAT_IF,
    replace(explore.rules_of(), long_documents="drop"),
)
explore.whole_rows_frame(whole)

# %% [markdown]
# ## Asking the plan
#
# The plan has a row a fragment, and any SQL can be asked of it. Only this needs a session: the one
# that is there, that of the Spark Connect server which `SPARK_REMOTE` names, or else a local one,
# which ends with the notebook.

# %%
from pyspark.sql import SparkSession

from bfpack_spark.spark.session import get_session

there = SparkSession.getActiveSession()
spark = there or get_session({"spark.sql.shuffle.partitions": "4"})
explore.plan_table(spark, OUTPUT, BUCKET, SEQ_LEN).createOrReplaceTempView("plan")

# %%
# Where is this document?
doc_id = sequence.segments[0].doc_id
spark.sql(
    "SELECT sequence_id, offset, start, length FROM plan WHERE doc_id = :doc_id ORDER BY start",
    {"doc_id": doc_id},
).toPandas()

# %%
# Which sequences mix the most documents?
mixed = spark.sql(
    """
    SELECT sequence_id, count(DISTINCT doc_id) AS documents, sum(length) AS tokens
    FROM plan GROUP BY sequence_id
    ORDER BY documents DESC, sequence_id LIMIT 100
    """
).toPandas()
mixed.head(20)

# %%
# The one that mixes most.
most = int(mixed["sequence_id"][0])
plots.sequence(explore.read_sequence(OUTPUT, BUCKET, SEQ_LEN, most))

# %%
if there is None:
    spark.stop()
