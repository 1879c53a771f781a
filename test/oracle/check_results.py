#!/usr/bin/python3
"""Checks results.h5 of a run against what numpy computes from the data files; lists every problem.

  check_results.py DIR OUT/results.h5 --select red --analysis stats

Resolved here, as CLI.md leaves it open: where an event lacks the source, a column's own type says whether it is 0 or
NaN (so `sum` and `mean` are NaN); a source without any fragment must have `row`, its other columns are checked if they
are there; /totals/first is demanded if every source with a fragment has integers, and otherwise not looked at.
"""
import sys
import h5py, numpy as np

sys.dont_write_bytecode = True  # no __pycache__ in the checkout
from answer import match, options, read_run

COLUMNS = {"read": ["first"], "wait": ["first"], "stats": ["first", "min", "max", "sum", "mean"]}
problems = []


def problem_unless(ok, text):
    if not ok:
        problems.append(text)


def row_values(source, rows):
    """Columns over the given rows, the type of the data, and how far off `sum` and `mean` may be."""
    with h5py.File(source.path) as f:
        data = f[source.data]
        dtype, ints = data.dtype.newbyteorder("<"), int(np.prod(data.shape[1:]))
        out = {name: np.zeros(len(rows), dtype) for name in ("first", "min", "max")}
        out |= {name: np.zeros(len(rows)) for name in ("sum", "mean", "size")}
        order, step = np.argsort(rows), max(1, 2**22 // ints)
        for i in range(0, len(rows), step):
            at = order[i : i + step]
            low, high = rows[at[0]], rows[at[-1]] + 1
            x = data[low:high][rows[at] - low] if high - low < 4 * step else np.stack([data[r] for r in rows[at]])
            x = x.reshape(len(at), ints)
            wide = x.astype(np.longdouble)
            out["first"][at], out["min"][at], out["max"][at] = x[:, 0], x.min(axis=1), x.max(axis=1)
            out["sum"][at], out["size"][at] = wide.sum(axis=1), np.abs(wide).sum(axis=1)
        out["mean"] = out["sum"] / ints
        size = out.pop("size")
        loose = 1e-12 * np.where((dtype.kind != "f") & (size < 2**53), 0, size)
        return out, dtype, {"sum": loose, "mean": loose / ints}


def column(f, path, length, dtype=None):
    """The column's values, or None; complains of its absence, length, type, filters and chunks."""
    if not isinstance(f.get(path), h5py.Dataset):
        return problems.append(f"{path} is missing")
    d = f[path]
    if dtype is not None:
        problem_unless(d.dtype.newbyteorder("<") == dtype, f"{path} is {d.dtype}, not {np.dtype(dtype)}")
    if d.shape != (length,):
        return problems.append(f"{path} has shape {d.shape}, not ({length},)")
    problem_unless(d.id.get_create_plist().get_nfilters() == 0, f"{path} is filtered")
    rows = max(1, min(length, 2**20))
    problem_unless(d.chunks == (rows,), f"{path} has chunks {d.chunks}, not ({rows},)")
    return d[:]


def compare(path, got, want, loose=0):
    """Equal (NaN to NaN), or no further off than `loose`; names the first row that isn't."""
    if got is None:
        return
    same = got == want
    if got.dtype.kind == "f" and np.asarray(want).dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            same |= (np.isnan(got) & np.isnan(want)) | (np.abs(got - want) <= loose)
    bad = np.flatnonzero(~same)
    if len(bad):
        i = bad[0]
        problems.append(f"{path}: {len(bad)} of {len(want)} rows differ, first row {i}: {got[i]!s}, not {want[i]!s}")


def names_of(f):
    names = f.get("sources")
    if not isinstance(names, h5py.Dataset):
        return problems.append("/sources is not a data set")
    return [n.decode() if isinstance(n, bytes) else str(n) for n in names[:].ravel()]


def group_of(source):
    name = source.replace("/", "%2F")
    return "_" + name if name in ("event", "time", "status", "columns") else name


def check_events(f, sources, times, rows, values, columns):
    n = len(times)
    for name, want, dtype in (("event", np.arange(n), None), ("time", times, "<u8"), ("status", np.zeros(n, "i8"), None)):
        got = column(f, f"/events/{name}", n, dtype)
        problem_unless(got is None or got.dtype.kind in "iu", f"/events/{name} has no integers")
        compare(f"/events/{name}", got, want)
    groups = [group_of(s.name) for s in sources]
    for name in set(f["events"] if "events" in f else ()) - {"event", "time", "status", "columns", *groups}:
        problems.append(f"/events/{name} is neither a column nor a source")
    for s, group, mine, (wanted, dtype, loose) in zip(sources, groups, rows, values):
        path, has = f"/events/{group}", mine >= 0
        if not isinstance(f.get(path), h5py.Group):
            problems.append(f"{path} is missing (source {s.name})")
            continue
        called = f[path].attrs.get("source")
        called = called.decode() if isinstance(called, bytes) else called
        problem_unless(called == s.name or called is None and group == s.name, f"{path}: attribute source is {called!r}, not {s.name!r}")
        compare(f"{path}/row", column(f, f"{path}/row", n, "<i8"), mine)
        for name in set(f[path]) - {"row", *columns}:
            problems.append(f"{path}/{name} is not a column of this analysis")
        for name in columns:
            if not has.any() and name not in f[path]:
                continue
            kind = dtype if name in ("first", "min", "max") else np.dtype("<f8")
            want, far = np.full(n, np.nan if kind.kind == "f" else 0, kind), np.zeros(n)
            want[has], far[has] = wanted[name], loose.get(name, 0)
            compare(f"{path}/{name}", column(f, f"{path}/{name}", n, kind), want, far)


def check_fragments(f, sources, times, rows, values, columns):
    """With exact match all fragments of an event have its time, so the order is (event, source)."""
    event, source = np.nonzero(rows.T >= 0)
    n = len(event)
    row = rows.T[event, source]
    compare("/fragments/event", column(f, "/fragments/event", n), event)
    compare("/fragments/row", column(f, "/fragments/row", n), row)
    compare("/fragments/source", column(f, "/fragments/source", n, "<u2"), source)
    if "fragments/time" in f:
        compare("/fragments/time", column(f, "/fragments/time", n, "<u8"), times[event])
    for name in set(f["fragments"] if "fragments" in f else ()) - {"event", "source", "row", "time", *columns}:
        problems.append(f"/fragments/{name} is not a column of this analysis")
    types = {dtype for _, dtype, _ in values}
    for name in columns:
        kind = np.result_type(*types) if name in ("first", "min", "max") else np.dtype("<f8")
        want, far = np.zeros(n, kind), np.zeros(n)
        for i, (wanted, _, loose) in enumerate(values):
            want[source == i], far[source == i] = wanted[name].astype(kind), loose.get(name, 0)
        strict = kind if len(types) == 1 or name in ("sum", "mean") else None
        got = column(f, f"/fragments/{name}", n, strict)
        compare(f"/fragments/{name}", got if got is None else got.astype(kind), want, far)


def check_totals(f, times, values):
    wanted = {"count": len(times)}
    used = [(v["first"], dtype) for v, dtype, _ in values if len(v["first"])]
    if all(dtype.kind in "iu" for _, dtype in used):
        wanted["first"] = sum(int(x) for first, _ in used for x in first)
    for name, want in wanted.items():
        if f"totals/{name}" not in f:
            problem_unless(name == "first" and not used, f"/totals/{name} is missing")
            continue
        got = np.ravel(f[f"totals/{name}"][()])
        problem_unless(got.dtype.kind in "iu" and got.dtype.itemsize == 8, f"/totals/{name} is {got.dtype}, not a 64 bit integer")
        problem_unless([*map(int, got)] == [want], f"/totals/{name} is {got}, not {want}")


def main():
    p = options(__doc__)
    p.add_argument("results"); p.add_argument("--analysis", choices=COLUMNS, default="stats")
    a = p.parse_args()
    sources, listed, labels = read_run(a.dir, a.layout)
    times, rows = match(sources, listed, labels, None if a.all else a.select, a.require)
    values = [row_values(s, mine[mine >= 0]) for s, mine in zip(sources, rows)]
    with h5py.File(a.results) as f:
        names, wanted = names_of(f), [s.name for s in sources]
        problem_unless(names is None or names == wanted, f"/sources is {names}, not {wanted}")
        check_events(f, sources, times, rows, values, COLUMNS[a.analysis])
        check_fragments(f, sources, times, rows, values, COLUMNS[a.analysis])
        check_totals(f, times, values)
    if problems:
        print(*problems, sep="\n")
        sys.exit(1)
    print(f"results ok: {len(times)} events, {int((rows >= 0).sum())} fragments")


if __name__ == "__main__":
    main()
