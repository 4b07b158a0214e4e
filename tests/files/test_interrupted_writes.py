"""An interrupt while an object is put leaves the old object or the whole new one."""

import io
import os
import signal
import threading

import pyarrow as pa
import pytest

from bfpack_spark.files import write_own_files


class Put(io.BytesIO):
    """A stream of a store that puts what it was given when it is closed, as Arrow's do. While it
    takes bytes, the user interrupts the run."""

    def __init__(self, objects: dict[str, bytes], path: str) -> None:
        super().__init__()
        self._objects, self._path = objects, path
        os.kill(os.getpid(), signal.SIGINT)

    def close(self) -> None:
        if not self.closed:
            self._objects[self._path] = self.getvalue()
        super().close()


class Store:
    """A store of one run, which writes objects alone."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def open_output_stream(self, path: str) -> pa.PythonFile:
        return pa.PythonFile(Put(self.objects, path), mode="w")


def test_a_pointer_is_whole_though_the_run_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    monkeypatch.setattr(write_own_files.access, "locate", lambda _: (store, "bucket/out"))
    monkeypatch.setattr(write_own_files.access, "is_object_store", lambda fs: fs is store)
    with pytest.raises(KeyboardInterrupt):
        write_own_files.write_json("s3://bucket/out", "b/_current.json", {"version": "0"})
    for thread in threading.enumerate():  # as the end of the process waits for them
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    assert store.objects == {"bucket/out/b/_current.json": b'{\n "version": "0"\n}\n'}
