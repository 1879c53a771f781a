"""Writes one-file runs whose rows are of types that are seldom met, and says what h5py reads.

    types_make.py FOLDER

Each is FOLDER/NAME/file1.h5 (layout seed, 60 rows). Prints JSON: {name: {"lengths": elements of each row, "hashes": 48 bits
of sha-256 of each row's elements, little-endian, "sums": of integers}}, and nothing of what is no row of numbers. Knows nothing of evb's code.
"""

import hashlib
import json
import os
import sys

import h5py
import numpy as np

ROWS, WIDTH = 60, 40
root = os.path.abspath(sys.argv[1])
random = np.random.default_rng(7)
answers = {}

STORED = {
    "contiguous": {},
    "chunked": {"chunks": (8, 13)},
    "gzip": {"chunks": (8, WIDTH), "compression": "gzip", "shuffle": True},
}


def begin(name):
    os.makedirs(f"{root}/{name}")
    f = h5py.File(f"{root}/{name}/file1.h5", "w")
    f["timestamp1"] = np.arange(ROWS, dtype="<u8") + 10**18
    return f


def end(name, f, given):
    """`given` is the type that the elements are to have."""
    f.close()
    with h5py.File(f"{root}/{name}/file1.h5") as f:
        rows = [np.ascontiguousarray(row, np.dtype(given).newbyteorder("<")) for row in f["bigdata1"][()]]
    hashes = [int.from_bytes(hashlib.sha256(row.tobytes()).digest()[:6], "big") for row in rows]
    answers[name] = {"lengths": [row.size for row in rows], "hashes": hashes}
    if np.dtype(given).kind in "iu":
        answers[name]["sums"] = [int(row.astype("i8").sum()) for row in rows]


def compact(f, dtype, data):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(data.shape)
    kind = h5py.h5t.py_create(dtype, logical=True)
    h5py.Dataset(h5py.h5d.create(f.id, b"bigdata1", kind, space, made))[...] = data


def stored_in_all_ways(name, dtype, given, data):
    for way, options in STORED.items():
        f = begin(f"{name}_{way}")
        f.create_dataset("bigdata1", dtype=dtype, data=data, **options)
        end(f"{name}_{way}", f, given)
    f = begin(f"{name}_compact")
    compact(f, np.dtype(dtype), data)
    end(f"{name}_compact", f, given)


def enumerations():
    stored_in_all_ways("bool", np.dtype("?"), "i1", random.integers(0, 2, (ROWS, WIDTH)).astype("?"))
    # Values without a name are as good as others.
    for name, base in [("enum_big", ">i2"), ("enum_little", "<u4"), ("enum_long", ">i8")]:
        named = h5py.enum_dtype({"DARK": 0, "LIGHT": 1, "NEITHER": 300}, basetype=base)
        stored_in_all_ways(name, named, base, random.integers(0, 3000, (ROWS, WIDTH)).astype(base))


def halves():
    # Every finite number, the infinities, and what is no number; rows of other kinds would be rounded.
    every = np.arange(2**16, dtype="<u2").view("<f2")
    every = np.where(np.isnan(every), np.float16(np.nan), every)
    stored = random.permutation(every)[: ROWS * WIDTH].reshape(ROWS, WIDTH)
    for name, dtype in [("half_little", "<f2"), ("half_big", ">f2")]:
        stored_in_all_ways(name, dtype, "<f4", stored.astype(dtype))
        f = begin(f"{name}_unwritten")
        d = f.create_dataset("bigdata1", (ROWS, WIDTH), dtype, chunks=(8, WIDTH), compression="gzip", fillvalue=-1.5)
        d[:5] = stored[:5]
        end(f"{name}_unwritten", f, "<f4")


def enumeration_of_floats():
    """Nothing writes one: the type is changed in the file, where the first name gives its room to what a float is."""
    name = "enum_of_floats"
    f = begin(name)
    named = h5py.enum_dtype({"FIRSTLY": 0, "SECONDS": 1}, basetype="<i4")
    f.create_dataset("bigdata1", (ROWS, WIDTH), named)
    f.close()
    integers = bytes.fromhex("1802000004000000" "1008000004000000" "00002000") + b"FIRSTLY\0"
    floats = bytes.fromhex("1801000004000000" "11201f0004000000" "00002000" "170800177f000000")
    with open(f"{root}/{name}/file1.h5", "r+b") as f:
        content = f.read()
        assert content.count(integers) == 1
        f.seek(0)
        f.write(content.replace(integers, floats))


def write_sequences(f, base, **options):
    d = f.create_dataset("bigdata1", (ROWS,), h5py.vlen_dtype(np.dtype(base)), **options)
    for row in range(ROWS):
        # Some are empty, and some are never written.
        if row % 7 != 3:
            d[row] = random.integers(0, 100, [17, 0, 1, 3000, 4][row % 5]).astype(base)


def sequences():
    bases = {
        "i1": "|i1", "u1": "|u1", "i2_big": ">i2", "i4": "<i4", "u4_big": ">u4", "i8": "<i8", "u8": "<u8",
        "f4": "<f4", "f4_big": ">f4", "f8": "<f8", "f8_big": ">f8", "f2": "<f2", "f2_big": ">f2",
    }  # fmt: skip
    for name, base in bases.items():
        given = "<f4" if name.startswith("f2") else np.dtype(base).str
        f = begin(f"rows_{name}")
        write_sequences(f, base, **({} if name in ["u8", "f4"] else {"chunks": (8,), "compression": "gzip"}))
        end(f"rows_{name}", f, given)


def no_numbers():
    compound = h5py.h5t.py_create(np.dtype([("x", "<i4"), ("y", "<f8")]))
    integer = h5py.h5t.STD_I32LE
    strings = h5py.h5t.C_S1.copy()
    strings.set_size(h5py.h5t.VARIABLE)
    fixed = h5py.h5t.C_S1.copy()
    fixed.set_size(5)
    made = h5py.h5t.vlen_create
    kinds = {
        "strings": (strings, (ROWS,)),
        "rows_of_strings": (made(strings), (ROWS,)),
        "rows_of_fixed_strings": (made(fixed), (ROWS,)),
        "rows_of_compounds": (made(compound), (ROWS,)),
        "rows_of_rows": (made(made(integer)), (ROWS,)),
        "rows_of_arrays": (made(h5py.h5t.array_create(integer, (3,))), (ROWS,)),
        "rows_of_enumerations": (made(h5py.h5t.py_create(np.dtype("?"), logical=True)), (ROWS,)),
        "tables_of_rows": (made(integer), (ROWS, 2)),
    }
    for name, (kind, shape) in kinds.items():
        with begin(name) as f:
            h5py.h5d.create(f.id, b"bigdata1", kind, h5py.h5s.create_simple(shape))


def mixed():
    """Two sources, of which one has rows of one length; every second stamp of it is none of the other's."""
    f = begin("mixed")
    write_sequences(f, "<i4", chunks=(8,), compression="gzip")
    end("mixed", f, "<i4")
    with h5py.File(f"{root}/mixed/file2.h5", "w") as f:
        f["timestamp2"] = np.arange(0, 2 * ROWS, 2, dtype="<u8") + 10**18
        f["bigdata2"] = random.integers(-1000, 1000, (ROWS, WIDTH)).astype("<i4")


enumerations()
enumeration_of_floats()
halves()
sequences()
no_numbers()
mixed()
print(json.dumps(answers))
