"""The points of a run at which whoever makes it is killed."""

# In the order in which a run reaches them; leftovers are removed twice, here the second time.
POINTS = {
    "lock": "_locked *",
    "token file": "rename */documents/*",
    "quarantine": "rename */quarantine/*",
    "tokenizer.json": "write */tokenizer.json",
    "syncing of tokens": "sync_folders */tokens/*",
    "temporary of the token manifest": "sync_file */tokens/*/_manifest.json.*",
    "token manifest": "write */tokens/*/_manifest.json",
    "temporary of the token pointer": "sync_file */tokens/_current.json.*",
    "token pointer": "write */tokens/_current.json",
    "leftovers of tokens": "remove_tree */tokens/*/_temporary",
    "costs": "write */tokens/*/report/report.json",
    "plan file": "rename */plan/*",
    "plan note": "write */_plan.json",
    "shard": "rename */shards/*",
    "manifest": "write */sequences-128/*/_manifest.json",
    "temporary of the pointer": "sync_file */sequences-128/_current.json.*",
    "pointer": "write */sequences-128/_current.json",
    "leftovers of sequences": "remove_tree */sequences-128/*/_temporary",
    "removal of the plan note": "unlink */_plan.json",
    "report": "write */report/report.html",
    "release of the lock": "unlink */_lock",
}


def divided(points: dict[str, str], every: int) -> dict[str, dict[str, str]]:
    """Points in two parts: "some", the first and each `every`-th after it, and "others"."""
    some = dict(list(points.items())[::every])
    others = {name: point for name, point in points.items() if name not in some}
    return {"some": some, "others": others}


AFTERWARDS = "old or complete new version, same bytes when run again"
