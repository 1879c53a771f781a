#!/usr/bin/python3
"""Writes a run of HDF5 files in the seed's layout for measuring reads: every file has every time stamp.

  make_rows.py DIR --files 2 --rows 2000 --ints 250000 --chunk 1 [--gzip 4] [--shuffle] [--scaleoffset] [--scatter]
    [--passes 4]

--chunk 0: contiguous. --passes: so often the rows come again, in files with later time stamps whose payload is an
external link to the first ones: long runs of few bytes on the disk. Values are like a detector's: a pedestal with noise, and now and then a hit.
"""
import argparse, os
import h5py, numpy as np

p = argparse.ArgumentParser()
p.add_argument("dir")
p.add_argument("--files", type=int, default=2)
p.add_argument("--rows", type=int, default=2000)
p.add_argument("--ints", type=int, default=250_000)
p.add_argument("--chunk", type=int, default=1)
p.add_argument("--gzip", type=int, default=0)
p.add_argument("--shuffle", action="store_true")
p.add_argument("--scaleoffset", action="store_true", help="which only the HDF5 library reads")
p.add_argument("--scatter", action="store_true", help="rows are in no order of time")
p.add_argument("--passes", type=int, default=1)
a = p.parse_args()
rng = np.random.default_rng(1)
os.makedirs(a.dir)
time = np.arange(a.rows, dtype=np.uint64) * np.uint64(7) + np.uint64(1_700_000_000_000_000_000)
if a.scatter:
    rng.shuffle(time)
base = (1000 + rng.normal(0, 8, 8 * a.ints)).astype(np.int32)
base[rng.random(base.size) < 0.01] += 500
how = {}
if a.chunk > 0:
    how["chunks"] = (min(a.chunk, a.rows), a.ints)
if a.gzip > 0:
    how["compression"] = "gzip"
    how["compression_opts"] = a.gzip
if a.scaleoffset:
    how["scaleoffset"] = 0
if a.shuffle:
    how["shuffle"] = True
step = max(1, min(a.rows, (64 << 20) // (4 * a.ints)))
step = max(a.chunk, step // max(1, a.chunk) * max(1, a.chunk))
for n in range(1, a.files + 1):
    with h5py.File(os.path.join(a.dir, f"file{n}.h5"), "w") as f:
        f[f"timestamp{n}"] = time
        d = f.create_dataset(f"bigdata{n}", (a.rows, a.ints), "i4", **how)
        for at in range(0, a.rows, step):
            rows = min(step, a.rows - at)
            begin = rng.integers(0, 7 * a.ints, rows)
            block = np.stack([base[b : b + a.ints] for b in begin])
            block[:, 0] = np.arange(at, at + rows) + n
            d[at : at + rows] = block
for k in range(1, a.passes):
    for n in range(1, a.files + 1):
        m = k * a.files + n
        with h5py.File(os.path.join(a.dir, f"file{m}.h5"), "w") as f:
            f[f"timestamp{m}"] = time + np.uint64(k * 7 * a.rows)
            f[f"bigdata{m}"] = h5py.ExternalLink(f"file{n}.h5", f"bigdata{n}")
