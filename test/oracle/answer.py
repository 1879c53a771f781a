#!/usr/bin/python3
"""Says with numpy alone which events a run has, in the shapes of CLI.md.

  answer.py DIR --select red             JSON lines as `evb inspect INDEX --events --json`
  answer.py DIR --all --report           one JSON object as the report of `evb index --json`, without `seconds`

DIR holds the .h5 files itself, or (when it has none) its folders do. Resolved here, as CLI.md leaves it open:
a row that repeats an earlier stamp of its file is a duplicate whether or not the stamp is selected.
"""
import argparse, glob, json, os, re, sys
from typing import NamedTuple
import h5py, numpy as np


class Source(NamedTuple):
    name: str  # "file1"
    file: str  # path below the root
    path: str  # path on this host
    data: str  # the big data set in it
    stamps: np.ndarray  # (rows) u8


def natural(text):
    return [(1, int(s), s) if s.isdigit() else (0, 0, s) for s in re.split(r"(\d+)", text)]


def find(f, pattern):
    return next((key for key in f if re.fullmatch(pattern, key)), None)


def read_run(folder, layout=None):
    """The sources in natural order; stamps (u8) and labels (bytes), one for each entry of the label list."""
    paths = [p for deep in ("*", "*/*") for p in glob.glob(f"{folder}/{deep}") if re.search(r"\.(h5|hdf5)$", p)]
    flat = [p for p in paths if os.path.dirname(p) == folder.rstrip("/")]
    files = sorted((os.path.relpath(p, folder) for p in flat or paths), key=natural)
    found, listed, labels = [], [np.empty(0, "u8")], [np.empty(0, "S1")]
    for file in files:
        path = os.path.join(folder, file)
        with h5py.File(path) as f:
            if (layout or ("lcls" if "small_data" in f else "seed")) == "lcls":
                stamps, data, names = "small_data/time_stamp", "cspad_data/image_data", ("small_data/all_timestamps", "small_data/diode_values")
            else:
                stamps, data = find(f, r"timestamp\d*"), find(f, r"big[dD]ata\d*")
                names = (stamps, "smalldata")
            if not (stamps and data and stamps in f and data in f):
                continue  # an index or a results file
            found.append((file, path, data, f[stamps][:].astype("u8")))
            if names[1] in f:
                listed.append(f[names[0]][:].astype("u8"))
                labels.append(f[names[1]][:])
    if not found:
        sys.exit(f"{folder} has no file of layout seed or lcls")
    stems = [os.path.splitext(os.path.basename(file))[0] for file, *_ in found]
    sources = [Source(stem if stems.count(stem) == 1 else s[0], *s) for stem, s in zip(stems, found)]
    return sources, np.concatenate(listed), np.concatenate(labels)


def match(sources, listed, labels, select, require):
    """times (events) ascending, and rows (sources, events): the first row with that stamp, -1 where there is none."""
    firsts = [np.unique(s.stamps, return_index=True) for s in sources]
    times, count = np.unique(np.concatenate([np.empty(0, "u8"), *(u for u, _ in firsts)]), return_counts=True)
    least = {"any": 1, "all": len(sources)}.get(require) or int(require)
    keep = count >= least
    if select is not None:
        keep &= np.isin(times, listed[labels == select.encode()])
    times = times[keep]
    rows = np.full((len(sources), len(times)), -1, "i8")
    for mine, (u, first) in zip(rows, firsts):
        _, event, which = np.intersect1d(times, u, assume_unique=True, return_indices=True)
        mine[event] = first[which]
    return times, rows


def report(sources, times, rows):
    per_event, events = np.unique((rows >= 0).sum(axis=0), return_counts=True)
    each = []
    for s, mine in zip(sources, rows):
        matched, distinct = int((mine >= 0).sum()), len(np.unique(s.stamps))
        each.append({"source": s.name, "file": s.file, "rows": len(s.stamps), "matched": matched,
                     "unmatched": distinct - matched, "duplicates": len(s.stamps) - distinct,
                     "outOfOrder": int((s.stamps[1:] < s.stamps[:-1]).sum()),
                     # Nothing here is stored in a way that only the HDF5 library reads.
                     "library": None})
    return {"events": len(times), "fragments": int((rows >= 0).sum()),
            "multiplicity": {str(k): int(n) for k, n in zip(per_event, events)}, "sources": each}


def event_lines(sources, times, rows):
    for event, (time, column) in enumerate(zip(times, rows.T)):
        yield {"event": event, "time": str(time), "fragments": [
            {"source": s.name, "file": s.file, "row": int(row), "time": str(time)}
            for s, row in zip(sources, column) if row >= 0]}


def options(doc):
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir"); p.add_argument("--layout", choices=["seed", "lcls"])
    p.add_argument("--select", default="red", help="a label"); p.add_argument("--all", action="store_true")
    p.add_argument("--require", default="any", help="any, all or the least number of fragments")
    return p


def main():
    p = options(__doc__)
    p.add_argument("--report", action="store_true")
    a = p.parse_args()
    sources, listed, labels = read_run(a.dir, a.layout)
    times, rows = match(sources, listed, labels, None if a.all else a.select, a.require)
    write = lambda value: print(json.dumps(value, separators=(",", ":")))
    if a.report:
        write(report(sources, times, rows))
    else:
        for line in event_lines(sources, times, rows):
            write(line)


if __name__ == "__main__":
    main()
