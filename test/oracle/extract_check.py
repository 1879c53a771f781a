"""Compares an extract with what numpy makes of the run's own files.

usage: extract_check.py '{"out": ..., "files": [{"source", "path", "time", "payload"}],
                          "labels": {"path", "time", "column", "name"}, "select": "red" or null,
                          "require": 1, "events": [a, b] or null, "failed": [[source, event], ...],
                          "chunk": n or null, "gzip": n or null, "shuffle": true}'

It knows nothing of evb's index: an event is every wanted time stamp that at least `require` sources have; of equal
stamps in one source the first row counts. Prints one line; exits 1 at the first difference.
"""
import json
import sys

import h5py
import numpy as np

order = json.loads(sys.argv[1])


def check(holds, what):
    if not holds:
        print("differs:", what)
        sys.exit(1)


sources = []
for entry in order["files"]:
    with h5py.File(entry["path"], "r") as file:
        times = file[entry["time"]][...]
        sources.append((entry["source"], times, dict((int(t), len(times) - 1 - i) for i, t in enumerate(times[::-1]))))

labels = order.get("labels")
wanted = None
if labels:
    with h5py.File(labels["path"], "r") as file:
        label_times = file[labels["time"]][...]
        label_values = file[labels["column"]][...]
    first_label = {}
    for t, value in zip(label_times, label_values):
        first_label.setdefault(int(t), value)
    if order.get("select"):
        wanted = set(int(t) for t, v in zip(label_times, label_values) if v == order["select"].encode())

seen = {}
for _, _, rows in sources:
    for t in rows:
        seen[t] = seen.get(t, 0) + 1
stamps = sorted(t for t, n in seen.items() if n >= order.get("require", 1) and (wanted is None or t in wanted))
first, end = order.get("events") or [0, len(stamps)]
stamps = stamps[first:end]
failed = set((source, event) for source, event in order.get("failed", []))

with h5py.File(order["out"], "r") as out:
    check(len(out.attrs) == len(dict(out.attrs)) == 15, "how many attributes the file has")
    check(out["events/time"].dtype == np.uint64, "type of times")
    check(np.array_equal(out["events/time"][...], np.array(stamps, np.uint64)), "times")
    check(np.array_equal(out["events/event"][...], np.arange(first, first + len(stamps))), "numbers of events")
    check(sorted(out["sources"]) == sorted(name.replace("/", "%2F") for name, _, _ in sources), "sources")
    check(out.attrs["failed"] == len(failed), "how many rows failed")
    if labels:
        values = out["labels"][labels["name"]][...]
        check(np.array_equal(values, np.array([first_label.get(t, b"") for t in stamps], values.dtype)), "labels")
    else:
        check("labels" not in out, "labels where there are none")
    for entry, (name, _, rows) in zip(order["files"], sources):
        group = out["sources"][name.replace("/", "%2F")]
        row = np.array([rows.get(t, -1) for t in stamps], np.int64)
        check(np.array_equal(group["row"][...], row), f"rows of {name}")
        status = np.where(row < 0, 2, 0)
        for source, event in failed:
            if source == name:
                status[event - first] = 1
        check(np.array_equal(group["status"][...], status), f"status of {name}")
        with h5py.File(entry["path"], "r") as file:
            payload = file[entry["payload"]]
            data = group["data"]
            check(data.dtype == payload.dtype.newbyteorder("<"), f"type of {name}")
            check(data.shape == (len(stamps),) + payload.shape[1:], f"shape of {name}")
            if order.get("chunk") and data.size:
                check(data.chunks == (min(order["chunk"], len(stamps)),) + payload.shape[1:], f"chunks of {name}")
            if order.get("gzip") and data.size:
                check((data.compression, data.compression_opts) == ("gzip", order["gzip"]), f"compression of {name}")
                check(data.shuffle == (bool(order.get("shuffle")) and data.dtype.itemsize > 1), f"shuffle of {name}")
            missing = np.nan if data.dtype.kind == "f" else 0
            expected = np.full(data.shape, missing, data.dtype)
            for event, at in enumerate(row):
                if at >= 0 and status[event] == 0:
                    expected[event] = payload[at]
            check(np.array_equal(data[...], expected, equal_nan=data.dtype.kind == "f"), f"data of {name}")
            # Row by row, as people read it: another way through the chunks.
            for event in range(0, len(stamps), max(1, len(stamps) // 7)):
                check(np.array_equal(data[event], expected[event], equal_nan=data.dtype.kind == "f"), f"row of {name}")
print(f"ok: {len(stamps)} events of {len(sources)} sources")
