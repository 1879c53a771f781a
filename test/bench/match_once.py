#!/usr/bin/python3
"""The kernel of peers/numpy_index.py on the same stamps: FOLDER -> {"cold", "warm" (seconds), "found"}."""
import json, sys, time
import numpy as np

d = sys.argv[1]
ts = [np.fromfile(f"{d}/source{s}.u64", "u8") for s in range(10)]
wanted = np.fromfile(f"{d}/wanted.u64", "u8")
red = np.searchsorted(ts[0], wanted)
seconds = []
for _ in range(7):
    t0 = time.perf_counter()
    want = ts[0][red]
    cols = [red]
    for t in ts[1:]:
        k = np.searchsorted(t, want); k[k == len(t)] = 0
        cols.append(np.where(t[k] == want, k, -1))
    rows = np.stack(cols, axis=1)
    seconds.append(time.perf_counter() - t0)
print(json.dumps({"cold": seconds[0], "warm": float(np.median(seconds[2:])), "found": int((rows >= 0).sum())}))
