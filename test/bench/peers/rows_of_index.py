#!/usr/bin/python3
"""Where the rows of an index's events lie, for peers that read the same: file u4 | offset u8 | bytes u8, each row.

  rows_of_index.py INDEX OUT     rows that lie in one piece, unfiltered; in the order of the events. Prints the
                                 files' paths as the index has them, a line each: rows name them by number
"""
import json, sys
import h5py, numpy as np

with h5py.File(sys.argv[1]) as f:
    first = f["sources/first"][()]
    fragment = f["events/fragment"][()]
    source = np.searchsorted(first, fragment, side="right") - 1
    row = fragment - first[source]
    rows = np.zeros(len(fragment), dtype=[("file", "<u4"), ("offset", "<u8"), ("bytes", "<u8")])
    sources = f["sources"]
    addresses = f["chunks/address"][()]
    for s in range(len(first)):
        mine = source == s
        shape = [int(n) for n in sources["item_shape"].asstr()[s].split(",")]
        size = int(np.prod(shape)) * int(sources["type"].asstr()[s][1:])
        storage = json.loads(sources["storage"].asstr()[s])
        per = storage["chunk"][0] if "chunk" in storage else 1
        at = row[mine]
        base = (
            addresses[sources["address_first"][s] + at // per] + (at % per) * size
            if "chunk" in storage
            else storage["address"] + at * size
        )
        rows["file"][mine] = sources["payload_file"][s]
        rows["offset"][mine] = base.astype(np.uint64)
        rows["bytes"][mine] = size
    rows.tofile(sys.argv[2])
    print("\n".join(f["files/path"].asstr()[()]))
