"""Without arguments: the bytes that TensorBoard's own writer makes of a few events, as JSON (tensorboard.json).
With a folder: the scalars that TensorBoard reads in it, by run and tag, as JSON.

python tensorboard_events.py > tensorboard.json    (tensorboard 2.21.0)
"""
import io
import json
import os
import sys

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


def written() -> dict:
    scalars = [
        {"wallTime": 1767323045.125, "step": 0, "tag": "train/loss", "value": 0.6931471824645996},
        {"wallTime": 1767323046.5, "step": 1, "tag": "train/loss", "value": -1.5},
        {"wallTime": 1767323047.0, "step": 300, "tag": "evaluation/größe", "value": 0.0},
        {"wallTime": 1767323048.0, "step": 70000, "tag": "x" * 200, "value": 3.0000000054977558e38},
    ]
    out = io.BytesIO()
    writer = RecordWriter(out)
    writer.write(event_pb2.Event(wall_time=1767323045.0, file_version="brain.Event:2").SerializeToString())
    for one in scalars:
        value = summary_pb2.Summary.Value(tag=one["tag"], simple_value=one["value"])
        summary = summary_pb2.Summary(value=[value])
        writer.write(event_pb2.Event(wall_time=one["wallTime"], step=one["step"], summary=summary).SerializeToString())
    return {"wallTime": 1767323045.0, "scalars": scalars, "hex": out.getvalue().hex()}


def read(folder: str) -> dict:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    runs = {}
    for path, _, files in sorted(os.walk(folder)):
        if not any("tfevents" in name for name in files):
            continue
        events = EventAccumulator(path, size_guidance={"scalars": 0})
        events.Reload()
        tags = events.Tags()["scalars"]
        runs[os.path.relpath(path, folder)] = {
            tag: [[event.wall_time, event.step, event.value] for event in events.Scalars(tag)] for tag in tags
        }
    return runs


print(json.dumps(read(sys.argv[1]) if len(sys.argv) > 1 else written()))
