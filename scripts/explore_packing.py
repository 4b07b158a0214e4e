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
from dataclasses import replace

from IPython.display import HTML

from bfpack_spark import explore
from bfpack_spark.config import Settings
from bfpack_spark.explore import plots
from bfpack_spark.report.render import render_sequence
from bfpack_spark.spark.session import get_session

# %% tags=["parameters"]
OUTPUT, BUCKET = "../.demo/output", "demo"
CORPUS, TOKENIZER = "../.demo/corpus", "../.demo/tokenizer"
SEQ_LEN = 2048  # one at which the bucket is packed
SAMPLE = 300  # documents of the corpus
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
# The figure of the paper, on these documents: how often a document of each length is cut.

# %%
plots.truncations_by_length(stats, SEQ_LEN)

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
# ## One sequence
#
# Its documents and where they end, with a red edge where a document is cut.

# %%
sequence = explore.read_sequence(OUTPUT, BUCKET, SEQ_LEN, 0)
plots.sequence(sequence)

# %%
HTML(render_sequence(sequence))

# %% [markdown]
# ## Asking the plan
#
# The plan has a row a fragment, and any SQL can be asked of it. The session is a local one, or that
# of the Spark Connect server that `SPARK_REMOTE` names.

# %%
spark = get_session({"spark.sql.shuffle.partitions": "4"})
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
spark.stop()
