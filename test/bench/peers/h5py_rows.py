#!/usr/bin/python3
"""Reads the rows of an index's events with h5py, one by one: part K of N. See together.py.

  h5py_rows.py INDEX DIR K N [--stats] [--sample ROWS]     prints bytes and the sum of every row's first number

--sample: only the first so many of all events' rows.
"""
import sys, time
import h5py, numpy as np

index, folder, part, parts = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
stats = "--stats" in sys.argv
sample = int(sys.argv[sys.argv.index("--sample") + 1]) if "--sample" in sys.argv else None
with h5py.File(index) as f:
    first = f["sources/first"][()]
    start = f["events/start"][()]
    events = len(start) - 1
    fragment = f["events/fragment"][start[events * part // parts] : start[events * (part + 1) // parts]]
    fragment = fragment[:sample]
    source = np.searchsorted(first, fragment, side="right") - 1
    row = (fragment - first[source]).tolist()
    source = source.tolist()
    names = f["sources/payload"].asstr()[()]
    files = [h5py.File(f"{folder}/{path}", "r") for path in f["files/path"].asstr()[()]]
    sets = [files[k][name] for k, name in zip(f["sources/file"][()], names)]
print("ready", flush=True)
sys.stdin.readline()
begun = time.monotonic()
size = check = 0
low = high = None
for s, r in zip(source, row):
    a = sets[s][r]
    size += a.nbytes
    check += int(a[0])
    if stats:
        total, least, most = a.sum(), a.min(), a.max()
print(begun, time.monotonic(), size, check)
