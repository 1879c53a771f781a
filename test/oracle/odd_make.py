"""Writes one-file runs as they are seldom met, whole and damaged, and says what h5py reads.

    odd_make.py FOLDER

Each is FOLDER/NAME/file1.h5 (layout seed, 60 rows of 40 numbers). Prints JSON: {name: sum of each row, as h5py reads it
before any damage is done; none where it can't}. Knows nothing of evb's code.
"""

import json
import os
import struct
import subprocess
import sys

import h5py
import numpy as np

ROWS, WIDTH = 60, 40
CHUNK = (8, WIDTH)
root = os.path.abspath(sys.argv[1])
random = np.random.default_rng(5)
answers = {}


def numbers(dtype="<i4"):
    return random.integers(-1000, 1000, (ROWS, WIDTH)).astype(dtype)


def own_stamps():
    """No other file has them: in a run of several files each row is an event of its own."""
    return np.arange(ROWS, dtype="<u8") + 10**18 + ROWS * len(os.listdir(root))


def begin(name, **options):
    os.makedirs(f"{root}/{name}")
    f = h5py.File(f"{root}/{name}/file1.h5", "w", **options)
    f["timestamp1"] = own_stamps()
    return f


def end(name, f=None):
    if f is not None:
        f.close()
    with h5py.File(f"{root}/{name}/file1.h5") as f:
        answers[name] = [int(row.astype("f8").sum()) for row in f["bigdata1"][()]]


def simple(name, dtype="<i4", options={}, **file):
    f = begin(name, **file)
    f.create_dataset("bigdata1", data=numbers(dtype), **options)
    end(name, f)


def created(f, properties):
    space = h5py.h5s.create_simple((ROWS, WIDTH))
    kind = h5py.h5t.py_create(np.dtype("<i4"))
    return h5py.Dataset(h5py.h5d.create(f.id, b"bigdata1", kind, space, properties))


def properties():
    return h5py.h5p.create(h5py.h5p.DATASET_CREATE)


def linked(path, link=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with h5py.File(path, "w") as f:
        if link is None:
            f.create_dataset("x", data=numbers(), chunks=(7, WIDTH))
        else:
            f["x"] = h5py.ExternalLink(*link)


def links():
    # .hdf, so that `evb index FOLDER` would not take them for runs.
    for name, target, path in [
        ("link_below", "raw/a.hdf", "link_below/raw/a.hdf"),
        ("link_beside", "../raw_beside/a.hdf", "raw_beside/a.hdf"),
        ("link_absolute", f"{root}/raw_absolute/a.hdf", "raw_absolute/a.hdf"),
    ]:
        f = begin(name)
        linked(f"{root}/{path}")
        f["bigdata1"] = h5py.ExternalLink(target, "/x")
        end(name, f)
    f = begin("link_chain")
    linked(f"{root}/link_chain/b/b.hdf", ("../c/c.hdf", "x"))
    linked(f"{root}/link_chain/c/c.hdf")
    f["bigdata1"] = h5py.ExternalLink("b/b.hdf", "/x")
    end("link_chain", f)
    f = begin("link_soft")
    f.create_group("g")["y"] = numbers()
    f["bigdata1"] = h5py.SoftLink("/g/y")
    end("link_soft", f)
    for name, link in [
        ("link_to_nothing", h5py.ExternalLink("nowhere.hdf", "/x")),
        ("link_circle", h5py.ExternalLink("file1.h5", "/bigdata1")),
    ]:
        with begin(name) as f:
            f["bigdata1"] = link


def virtual(name, parts):
    f = begin(name, libver="latest")
    layout = h5py.VirtualLayout((ROWS, WIDTH), "<i4")
    for k in range(3):
        if k in parts:
            with h5py.File(f"{root}/{name}/part{k}.hdf", "w") as part:
                part["x"] = numbers()[:20]
        layout[20 * k : 20 * k + 20] = h5py.VirtualSource(f"part{k}.hdf", "x", (20, WIDTH))
    f.create_virtual_dataset("bigdata1", layout, fillvalue=-7)
    end(name, f)


def exotic():
    virtual("virtual", [0, 1, 2])
    virtual("virtual_lacking", [0, 2])
    for name in ["external", "external_lacking"]:
        f = begin(name)
        raw = f"{root}/{name}/raw.bin"
        f.create_dataset("bigdata1", (ROWS, WIDTH), "<i4", external=[(raw, 0, ROWS * WIDTH * 4)])
        f["bigdata1"][...] = numbers()
        end(name, f)
    os.remove(f"{root}/external_lacking/raw.bin")
    f = begin("compact")
    made = properties()
    made.set_layout(h5py.h5d.COMPACT)
    created(f, made)[...] = numbers()
    end("compact", f)
    f = begin("vlen")
    d = f.create_dataset("bigdata1", (ROWS,), h5py.vlen_dtype(np.dtype("i4")))
    for row in range(ROWS):
        d[row] = np.arange(row % 5 + 1)
    end("vlen", f)
    simple("scaleoffset", options={"chunks": CHUNK, "scaleoffset": 0})
    for name, given in [("szip", "SZIP=8,NN"), ("nbit", "NBIT")]:
        os.makedirs(f"{root}/{name}")
        words = ["h5repack", "-f", f"/bigdata1:{given}", f"{root}/chunked/file1.h5", f"{root}/{name}/file1.h5"]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        with h5py.File(f"{root}/{name}/file1.h5", "r+") as f:
            f["timestamp1"][...] = own_stamps()
        end(name)
    for name, mask in [("no_filter", 0), ("filter_left_out", 1)]:
        f = begin(name)
        made = properties()
        made.set_chunk(CHUNK)
        made.set_filter(31999, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        d = created(f, made)
        for row in range(0, ROWS, 8):
            d.id.write_direct_chunk((row, 0), np.full(CHUNK, row, "<i4").tobytes(), mask)
        f.close()
    answers["filter_left_out"] = [row // 8 * 8 * WIDTH for row in range(ROWS)]


def ordinary():
    simple("contiguous")
    simple("user_block", userblock_size=2048)
    simple("chunked", options={"chunks": CHUNK})
    simple("big_endian", ">i2", {"chunks": (7, 9), "shuffle": True, "compression": "gzip", "fletcher32": True})
    for version in ["earliest", "v108", "latest"]:
        simple(f"grows_{version}", options={"chunks": (3, 13), "maxshape": (None, WIDTH)}, libver=(version, "latest"))
    simple("lzf", options={"chunks": CHUNK, "compression": "lzf"})
    f = begin("fill_value")
    d = f.create_dataset("bigdata1", (ROWS, WIDTH), "<i4", chunks=CHUNK, fillvalue=5, compression="gzip")
    d[:5] = numbers()[:5]
    d[50:] = numbers()[:10]
    end("fill_value", f)


def damaged(name, damage, **options):
    """Damage is given the bytes of the file, and where its chunks are (or its data)."""
    f = begin(name)
    d = f.create_dataset("bigdata1", data=numbers(), **options)
    chunks = [d.id.get_chunk_info(k).byte_offset for k in range(d.id.get_num_chunks())] if options else [d.id.get_offset()]
    end(name, f)
    with open(f"{root}/{name}/file1.h5", "r+b") as f:
        content = bytearray(f.read())
        damage(content, chunks)
        f.seek(0)
        f.write(content)
        f.truncate()


def moved(chunk, to):
    """A chunk's address becomes another one, which is given where the chunks are."""

    def damage(content, chunks):
        old = struct.pack("<Q", chunks[chunk])
        assert content.count(old) == 1
        at = content.index(old)
        content[at : at + 8] = struct.pack("<Q", to(content, chunks))

    return damage


def bit_flipped(chunk):
    def damage(content, chunks):
        content[chunks[chunk] + 20] ^= 0x40

    return damage


def cut(content, chunks):
    del content[-3000:]


def damages():
    plain = {"chunks": CHUNK}
    for kind, options in [("plain", plain), ("gzip", {**plain, "compression": "gzip"})]:
        damaged(f"{kind}_on_another", moved(3, lambda content, chunks: chunks[4]), **options)
        damaged(f"{kind}_on_superblock", moved(3, lambda content, chunks: 0), **options)
        damaged(f"{kind}_shifted", moved(3, lambda content, chunks: chunks[3] + 4), **options)
        damaged(f"{kind}_outside", moved(3, lambda content, chunks: 10**7), **options)
        damaged(f"{kind}_partly_outside", moved(3, lambda content, chunks: len(content) - 5), **options)
    damaged("contiguous_on_superblock", moved(0, lambda content, chunks: 16))
    damaged("contiguous_outside", moved(0, lambda content, chunks: 10**7))
    damaged("cut", cut, **plain)
    # Chunk 0 is one that `evb index` compares, chunk 1 isn't.
    for chunk in [0, 1]:
        damaged(f"gzip_corrupt_{chunk}", bit_flipped(chunk), **plain, compression="gzip")
        damaged(f"fletcher32_corrupt_{chunk}", bit_flipped(chunk), **plain, fletcher32=True)


ordinary()
links()
exotic()
damages()
print(json.dumps(answers))
