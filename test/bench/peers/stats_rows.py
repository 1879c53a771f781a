#!/usr/bin/python3
"""numpy's sum, smallest and largest of every row in memory, one row after the other.

  stats_rows.py FILE TYPE ROWS REPEATS     TYPE as numpy's dtype.str; prints the seconds, and the sum of the smallest
"""
import sys, time
import numpy as np

path, kind, rows, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
data = np.fromfile(path, dtype=kind).reshape(rows, -1)
begun = None
# The first time warms up.
for n in range(repeats + 1):
    if n == 1:
        begun = time.monotonic()
    check = 0
    for row in data:
        total, least, most = row.sum(), row.min(), row.max()
        check += least.item()
print(time.monotonic() - begun, check)
