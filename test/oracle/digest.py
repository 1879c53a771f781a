#!/usr/bin/python3
"""The digest of a results file as CLI.md (run) defines it: digest.py RESULTS.h5 prints hex."""
import hashlib, sys
import h5py, numpy as np

paths, sha = [], hashlib.sha256()
with h5py.File(sys.argv[1]) as f:
    for top in {"events", "fragments"} & set(f):
        f[top].visititems(lambda _, o: paths.append(o.name) if isinstance(o, h5py.Dataset) else None)
    for path in sorted(paths, key=str.encode):
        x = np.asarray(f[path][()])
        if x.dtype.hasobject:
            sys.exit(f"{path}: variable-length data have no digest")
        x = x.astype(x.dtype.newbyteorder("<"), order="C")
        if x.dtype.kind == "f":
            x[np.isnan(x)] = np.nan
        head = (path, x.dtype.str, ",".join(map(str, x.shape)))
        sha.update("".join(part + "\0" for part in head).encode() + x.tobytes())
print(sha.hexdigest())
