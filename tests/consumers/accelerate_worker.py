"""One of several processes of accelerate: prints which rows its prepared loader yields, as JSON.

It is called with OUTPUT and a view: global or rank (the stream), rows or rank-rows (by number).
"""

import json
import sys

from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from consumers.small import SEQ_LEN
from torch.utils.data import DataLoader

from bfpack_spark.errors import InputError
from bfpack_spark.reading import PackedSequences, layouts


def main() -> None:
    output, view = sys.argv[1:]
    accelerator = Accelerator(
        cpu=True, dataloader_config=DataLoaderConfiguration(dispatch_batches=False)
    )
    part = {"rank": accelerator.process_index, "world_size": accelerator.num_processes}
    data = PackedSequences(output, bucket="b", seq_len=SEQ_LEN, seed=3, lanes=3, window=1, **part)
    if not view.startswith("rank"):
        data = data.global_view()
    if view.endswith("rows"):
        loader = DataLoader(data, batch_size=5, collate_fn=layouts.stacked)
    else:
        loader = DataLoader(data.torch(None), batch_size=5, collate_fn=ids)
    try:
        batches = [list(map(int, batch["sequence_id"])) for batch in accelerator.prepare(loader)]
        print(json.dumps(batches))
    except InputError as error:
        print(json.dumps(str(error)))


def ids(rows):  # type: ignore[no-untyped-def]
    """Make a batch of what is compared."""
    return {"sequence_id": [int(row["sequence_id"]) for row in rows]}


if __name__ == "__main__":
    main()
