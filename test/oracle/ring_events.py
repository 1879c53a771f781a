#!/usr/bin/env python3
"""The events of ring-item files, by the parser, the sort and the windows of ring_check.py: nothing here knows evb's code.

    ring_events.py --root DIR [--window 100 [--match gap]] INPUT.evt...

prints one line of JSON per event, as `evb inspect INDEX --events --json` does (files below DIR), and of each fragment also
"bytes", "sum" (of the bytes), "first" and "words" (the first 16-bit word, and the sum of all) of its data. Without
a window events are fragments of exactly equal stamps. Other options are those of ring_check.py.
"""
import argparse
import json
import os
import struct
import sys
from collections import Counter

import ring_check


def data_of(payload, v10, order):
    """What lies behind the headers; all of it where it is no ring item. And its byte order."""
    if len(payload) < 8:
        return payload, order
    item = ring_check.Item(payload, 0, "")
    if item.u32(0) != len(payload):
        return payload, order
    item.read_header(v10)
    return payload[item.body :], item.order


def listed(entry, row, run, root):
    """One that had no header was given one by the checker: its data are those of the item."""
    payload = entry.item.data if entry.headerless else entry.payload
    data, order = data_of(payload, run.v10, entry.item.order)
    words = struct.unpack(order + "%dH" % (len(data) // 2), data[: len(data) // 2 * 2])
    return {
        "source": str(entry.source),
        "file": os.path.relpath(entry.item.file, root),
        "row": row,
        "time": str(entry.stamp),
        "bytes": len(data),
        "sum": sum(data),
        "first": words[0] if words else 0,
        "words": sum(words),
    }


def exact_events(run):
    events, seen = {}, set()
    for entry in run.entries:
        if entry.is_fragment and (entry.stamp, entry.source) not in seen:
            seen.add((entry.stamp, entry.source))
            events.setdefault(entry.stamp, []).append(entry)
    return [events[stamp] for stamp in sorted(events)]


def window_events(run):
    """As ring_check.Run.parts has them, without the bytes of run items."""
    return [part for part in run.parts() if isinstance(part, list)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    given, words = parser.parse_known_args()
    options = ring_check.options_of([*words, "--write", "nowhere"])
    (run,) = ring_check.runs_of(options)
    rows, counts = {}, Counter()
    for entry in run.entries:
        if entry.is_fragment:
            rows[id(entry)] = counts[entry.source]
            counts[entry.source] += 1
    events = exact_events(run) if options.window is None else window_events(run)
    for number, event in enumerate(events):
        fragments = [listed(entry, rows[id(entry)], run, given.root) for entry in event]
        fragments.sort(key=lambda one: (int(one["source"]), int(one["time"]), one["row"]))
        time = min(int(one["time"]) for one in fragments)
        print(json.dumps({"event": number, "time": str(time), "fragments": fragments}))


if __name__ == "__main__":
    sys.exit(main())
