#!/usr/bin/python3
"""Writes a small run with h5py that holds every case which an event builder gets wrong.

  make_run.py DIR --layout lcls --types mixed --seed 3

Of the stamps k = 0, 1, …, events - 1 of the run (k % 50 tells the case; `later` are files 2, 3, 5, 6, …):
  k % 50 == 7   only files 2 and 3 have it; lcls: it is red (seed: it has no label)
  k % 50 == 8   lcls: red, but no file has it; seed: red, only file 1 has it
  k % 50 == 9   every file but file 4 has it, red, and twice in files 1, 2 and 5
  k % 7 < 2     13 ns after the stamp before (a double can't tell them apart at 1.7e18)
  others        seed: in file 1; lcls: in 70 % of file 1's rows; in half of each later file
file4 has no row (unless --no-empty), file5 is shuffled, file6 begins with 2 × events rows of stamps
that no other file has (lcls: blue; seed: no label). The first element of a row comes from its stamp
(see `first_elements`), the others are random: rows of small values, of the type's full range, and with extremes.
"""
import argparse, os
import h5py, numpy as np

TYPES = {
    "int32": ["i4"],
    "integers": ["i2", "u2", "i4", "i8", "u4", "u8"],
    "mixed": ["i2", "u2", "i4", "f4", "f8", "u8"],
}


def stamps_of_run(rng, events, files, layout):
    """All stamps with their labels, and each file's stamps in file order."""
    k = np.arange(events)
    gaps = np.where(k % 7 < 2, 13, rng.integers(1_000, 2_000_000, events))
    stamps = np.cumsum(gaps).astype("u8") + np.uint64(1_700_000_000_000_000_000)
    before = stamps[0] - np.uint64(10_000_000_000) + np.arange(2 * events, dtype="u8") * np.uint64(13)
    labels = rng.choice(np.array([b"red", b"green", b"blue"], "S5"), events)
    case = k % 50
    labels[(case >= 7) & (case <= 9)] = b"red"
    rows = {}
    for n in range(1, files + 1):
        share = {1: 1.0 if layout == "seed" else 0.7}.get(n, 0.5)
        has = rng.random(events) < share
        has[case == 7] = n in (2, 3)
        has[case == 8] = n == 1 and layout == "seed"
        has[case == 9] = True
        mine = np.repeat(k[has], np.where((case[has] == 9) & (n in (1, 2, 5)), 2, 1))
        rows[n] = stamps[rng.permutation(mine) if n == 5 else mine]
        if n == 1:
            labels_of_file1 = labels[mine]
        if n == 6:
            rows[n] = np.concatenate([before, rows[n]])
    if layout == "seed":
        return rows[1], labels_of_file1, rows
    return np.concatenate([before, stamps]), np.concatenate([np.full(len(before), b"blue", "S5"), labels]), rows


def first_elements(stamps, dtype):
    """What the first element of each row must be, exact in its type; the sum fits 64 bits."""
    low = lambda bits: stamps & np.uint64(2**bits - 1)
    if dtype.kind == "f":
        return (low(24 if dtype.itemsize == 4 else 50) / 4).astype(dtype)
    return low({2: 16, 4: 31, 8: 46}[dtype.itemsize]).astype(dtype)  # i2 wraps: negative firsts


def random_rows(rng, stamps, ints, dtype):
    """(rows, ints) by turns: small values; the full range; small values with the type's extremes."""
    kind, shape = np.arange(len(stamps)) % 3, (len(stamps), ints)
    if dtype.kind == "f":
        x = rng.normal(0, 100, shape) * np.where(kind == 1, 1e30, 1)[:, None]
        ends = [np.finfo(dtype).max, np.finfo(dtype).tiny / 4]
    else:
        ends = [np.iinfo(dtype).max, np.iinfo(dtype).min]
        x = rng.integers(0, 100, shape, dtype=dtype)
        x[kind == 1] = rng.integers(ends[1], ends[0], x[kind == 1].shape, dtype=dtype, endpoint=True)
    x = x.astype(dtype)
    x[kind == 2, ints // 2] = ends[0]
    x[kind == 2, -1] = ends[1]
    x[:, 0] = first_elements(stamps, dtype)
    return x


def storage(chunk, n, rows, shape):
    """create_dataset's options: `--chunk`, or by default something else for each file."""
    mix = {1: 1, 3: 7, 5: 4, 6: 16, 8: 5, 9: 64}.get((n - 1) % 10 + 1)
    per_chunk = {"mix": mix, "contiguous": None}.get(chunk) if not chunk.isdigit() else int(chunk)
    if per_chunk is None:
        return {}
    how = {"chunks": (per_chunk, *shape)}
    if chunk == "mix" and n % 10 in (5, 6):
        how |= {"compression": "gzip", "shuffle": n % 10 == 6}
    if chunk == "mix" and n % 10 == 8:
        how["chunks"] = (per_chunk, -(-shape[0] // 2), *shape[1:])  # half a row
    if per_chunk > rows or n % 10 == 9:
        how["maxshape"] = (None, *shape)
    return how


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir"); p.add_argument("--files", type=int, default=10, help="at least 7")
    p.add_argument("--events", type=int, default=2000); p.add_argument("--ints", type=int, default=250)
    p.add_argument("--seed", type=int, default=1); p.add_argument("--layout", choices=["seed", "lcls"], default="seed")
    p.add_argument("--types", choices=TYPES, default="int32")
    p.add_argument("--chunk", default="mix", help="events per chunk, `contiguous` or `mix`")
    p.add_argument("--no-empty", action="store_true", help="file4 has rows: --require all finds events")
    a = p.parse_args()
    if a.files < 7 or a.events < 50 or a.ints < 16:
        p.error("at least 7 files, 50 events and 16 ints, or a case is missing")
    if not (a.chunk in ("mix", "contiguous") or a.chunk.isdigit() and int(a.chunk) > 0):
        p.error("--chunk is a number, contiguous or mix")
    os.makedirs(a.dir, exist_ok=True)
    if any(name.endswith((".h5", ".hdf5")) for name in os.listdir(a.dir)):
        p.error(f"{a.dir} has HDF5 files already")
    rng = np.random.default_rng(a.seed)
    shape = (a.ints,) if a.layout == "seed" else (8, a.ints // 8)
    all_stamps, labels, rows = stamps_of_run(rng, a.events, a.files, a.layout)
    for n, stamps in rows.items():
        if n == 4 and not a.no_empty:
            stamps = stamps[:0]
        dtype = np.dtype(TYPES[a.types][(n - 1) % len(TYPES[a.types])])
        stored = dtype.newbyteorder(">") if n == 7 and a.chunk == "mix" else dtype
        with h5py.File(os.path.join(a.dir, f"file{n}.h5"), "w") as f:
            seed = a.layout == "seed"
            # file3's stamps are chunked and compressed, as a DAQ may leave them.
            f.create_dataset(f"timestamp{n}" if seed else "small_data/time_stamp", data=stamps,
                             **({"compression": "gzip", "chunks": (100,), "maxshape": (None,)} if n == 3 else {}))
            if n == 1 and seed:
                f["smalldata"] = labels
            if n == 1 and not seed:
                f["small_data/all_timestamps"], f["small_data/diode_values"] = all_stamps, labels
            d = f.create_dataset(f"bigdata{n}" if seed else "cspad_data/image_data", (len(stamps), *shape), stored,
                                 **storage(a.chunk, n, len(stamps), shape))
            step = max(1, 2**22 // a.ints)
            for i in range(0, len(stamps), step):
                part = stamps[i : i + step]
                d[i : i + step] = random_rows(rng, part, int(np.prod(shape)), dtype).reshape(-1, *shape)
    print(f"{a.files} files, {a.events} stamps, {sum(map(len, rows.values()))} rows at most in {a.dir}")


if __name__ == "__main__":
    main()
