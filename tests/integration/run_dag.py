"""Started by test_airflow.py in Airflow's own environment: parses a DAG's file, or runs its DAG.

run_dag.py parse FILE RESULT PATTERN...    what parsing took and touched; each pattern's buckets
run_dag.py test FILE RESULT CONF           dag.test() with that configuration; how it ended

RESULT gets a JSON object. Airflow's log, and in it what spark-submit says, goes to stdout.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.utils.session import create_session
from sqlalchemy import select

OUTSIDE = {"socket.connect", "subprocess.Popen", "sqlite3.connect", "os.listdir", "os.scandir"}


def parse(file: str, *patterns: str) -> dict[str, Any]:
    """What it costs to parse the file once Airflow is there, and what is done meanwhile."""
    touched: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        opened = event == "open" and not isinstance(arguments[0], int)
        if watching and (opened or event in OUTSIDE):
            touched.append(f"{event} {arguments[0]}")

    loaded = set(sys.modules)
    sys.addaudithook(watch)
    began = time.process_time()
    bag = DagBag(file)
    seconds = time.process_time() - began
    watching = False
    (dag,) = bag.dags.values()
    module = next(m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == file)
    tasks = {
        task.task_id: {
            "at_once": task.max_active_tis_per_dag,
            "retries": task.retries,
            "kind": task.task_type,
        }
        for task in dag.tasks
    }
    return {
        "seconds": seconds,
        "errors": bag.import_errors,
        "modules": sorted(set(sys.modules) - loaded),
        "touched": touched,
        "prefixes": [sys.prefix, sys.base_prefix],
        "tasks": tasks,
        "buckets": {pattern: module.names_in(pattern) for pattern in patterns},
    }


def test(file: str, configuration: str) -> dict[str, Any]:
    """Run the DAG, with retries after a second; states of the tasks and events of assets."""
    (dag,) = DagBag(file).dags.values()
    for task in dag.tasks:
        task.retry_delay = timedelta(seconds=1)
    run = dag.test(run_conf=json.loads(configuration))
    with create_session() as session:
        tasks = {
            f"{ti.task_id} {ti.rendered_map_index or ti.map_index}": [ti.state, ti.try_number]
            for ti in run.get_task_instances(session=session)
        }
        made = select(AssetEvent).where(AssetEvent.source_run_id == run.run_id)
        events = [[event.asset.uri, event.extra] for event in session.scalars(made)]
    return {"state": run.state, "tasks": tasks, "events": events}


if __name__ == "__main__":
    act, file, result, *arguments = sys.argv[1:]
    found = {"parse": parse, "test": test}[act](file, *arguments)
    Path(result).write_text(json.dumps(found))
