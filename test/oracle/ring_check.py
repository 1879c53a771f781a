#!/usr/bin/env python3
"""Checks what `evb order` wrote, by predicting its output byte for byte from the inputs.

Its parser, its sort and its window are its own: nothing here knows evb's code, and it needs nothing but
the standard library. It reads whole files into memory; runs of some megabytes are meant.

    ring_check.py --window 100 --out OUT INPUT.evt...      prints {"problems": [...], "fragmentsIn": ...}

The options are those of `evb order`. `--write DIR` writes the prediction there instead of checking.
Exit code 1 where there is a problem.
"""
import argparse
import fnmatch
import glob
import hashlib
import json
import os
import re
import struct
import sys
from collections import Counter, defaultdict

BEGIN, END, PAUSE, RESUME, ABNORMAL, TEXTS, FORMAT = 1, 2, 3, 4, 5, (10, 11), 12
SCALERS, PHYSICS, COUNT, EVB_FRAGMENT, UNKNOWN_PAYLOAD, GLOM_INFO = 20, 30, 31, 40, 41, 42
KNOWN = {1, 2, 3, 4, 5, 10, 11, 12, 20, 21, 30, 31, 40, 41, 42}
NAMES = {
    "BEGIN_RUN": 1, "END_RUN": 2, "PAUSE_RUN": 3, "RESUME_RUN": 4, "ABNORMAL_ENDRUN": 5,
    "PACKET_TYPES": 10, "MONITORED_VARIABLES": 11, "RING_FORMAT": 12, "PERIODIC_SCALERS": 20,
    "TIMESTAMPED_NONINCR_SCALERS": 21, "PHYSICS_EVENT": 30, "PHYSICS_EVENT_COUNT": 31,
    "EVB_FRAGMENT": 40, "EVB_UNKNOWN_PAYLOAD": 41, "EVB_GLOM_INFO": 42,
}
NULL = 2**64 - 1
POLICIES = {"earliest": 0, "latest": 1, "average": 2}
SEGMENT = re.compile(r"^(.*)-(\d+)-(\d+)\.evt$")


class Damaged(Exception):
    pass


class Item:
    """A ring item of an input file: its bytes, and its place."""

    def __init__(self, data, stream, file):
        self.data, self.stream, self.file = data, stream, file
        self.order = "<" if data[4:6] != b"\0\0" else ">"
        self.type = self.u32(4)
        self.header = None
        self.body = 8

    def u16(self, at):
        return struct.unpack_from(self.order + "H", self.data, at)[0]

    def u32(self, at):
        return struct.unpack_from(self.order + "I", self.data, at)[0]

    def u64(self, at):
        return struct.unpack_from(self.order + "Q", self.data, at)[0]

    def read_header(self, v10):
        """Spec 2.2: 0 and 4 mean that there is none."""
        size = len(self.data)
        if v10:
            return
        self.body = min(12, size)
        if size < 28 or self.type in (FORMAT, GLOM_INFO):
            return
        word = self.u32(8)
        if self.type == UNKNOWN_PAYLOAD and self.is_gloms_unknown():
            # A fragment header stands where a body header should: nothing to add there.
            self.header = (self.u64(8), self.u32(16), self.u32(24))
            return
        if word >= 20 and 8 + word <= size:
            self.header = (self.u64(12), self.u32(20), self.u32(24))
            self.body = 8 + word

    def is_gloms_unknown(self):
        size = len(self.data)
        return self.u32(20) == size - 28 and (self.u32(8) != 20 or self.u32(12) == 0)


class Entry:
    """A fragment or a run item on its way to the output."""

    def __init__(self, item, stamp, source, barrier, payload, is_fragment):
        self.item, self.stamp, self.source, self.barrier = item, stamp, source, barrier
        self.payload, self.is_fragment = payload, is_fragment
        self.type = PHYSICS if is_fragment else item.type
        self.arrival = None
        self.headerless = source is None

    def key(self):
        return (self.stamp, self.source, self.arrival)


# ---------------------------------------------------------------- reading


def items_of(data, stream, file):
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise Damaged(f"{file}: header cut at {at}")
        order = "<" if data[at + 4 : at + 6] != b"\0\0" else ">"
        size = struct.unpack_from(order + "I", data, at)[0]
        if size < 8 or at + size > len(data):
            raise Damaged(f"{file}: item at {at} says {size} bytes")
        yield Item(data[at : at + size], stream, file)
        at += size


def natural(name):
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]


def streams_of(files):
    """Segments of one prefix and number follow each other; every other file is a stream of its own."""
    streams = {}
    for file in sorted(files, key=natural):
        found = SEGMENT.match(file)
        name = (found[1], int(found[2])) if found else (file, None)
        streams.setdefault(name, []).append((int(found[3]) if found else 0, file))
    return [[file for _, file in sorted(segments)] for segments in streams.values()]


def is_v10(items):
    """Spec 2.5, by the first item that tells."""
    if any(item.type == FORMAT for item in items):
        return False
    for item in items:
        size = len(item.data)
        if item.type in (BEGIN, END, PAUSE, RESUME):
            return size <= 104
        if item.type == PHYSICS and size >= 12:
            if item.u32(8) == size - 8:
                return True
            if item.u32(8) in (0, 4, 20):
                return False
    return False


def state_body_bytes(item):
    return len(item.data) - item.body


def is_v12(items):
    """The run has original source ids: told by the state changes, else by scalers and counts."""
    for item in items:
        size = state_body_bytes(item)
        if item.type in (BEGIN, END, PAUSE, RESUME):
            return size >= 101
        if item.type == COUNT:
            return size == 24
        if item.type == SCALERS and size >= 20:
            count = item.u32(item.body + 16)
            if size - 4 * count in (24, 28):
                return size - 4 * count == 28
    return False


def original_source(item):
    at = {SCALERS: 24, COUNT: 12}.get(item.type)
    if item.type in (BEGIN, END, PAUSE, RESUME) or item.type in TEXTS:
        at = 16
    if at is None or state_body_bytes(item) < at + 4:
        return None
    return item.u32(item.body + at)


def fragments_of(item):
    """Leaves' headers and payloads of a built body, or None where it isn't one (spec 3.3)."""
    data, at = item.data, item.body
    if item.type != PHYSICS or len(data) - at < 24 or item.u32(at) != len(data) - at:
        return None
    at += 4
    found = []
    while at < len(data):
        if at + 20 > len(data):
            return None
        size = item.u32(at + 12)
        payload = data[at + 20 : at + 20 + size]
        if size < 8 or len(payload) < size or struct.unpack_from(item.order + "I", payload)[0] != size:
            return None
        found.append((item.u64(at), item.u32(at + 8), item.u32(at + 16), payload))
        at += 20 + size
    return found


def opened(item, depth, v10):
    """The fragments of a PHYSICS_EVENT, `depth` levels down; None: it is none but itself."""
    found = fragments_of(item) if depth > 0 else None
    if found is None:
        return None
    leaves = []
    for stamp, source, barrier, payload in found:
        inner = Item(payload, item.stream, item.file)
        inner.read_header(v10)
        deeper = opened(inner, depth - 1, v10)
        if deeper is None:
            leaves.append(Entry(item, stamp, source, barrier, payload, True))
        else:
            leaves.extend(deeper)
    return leaves


# ---------------------------------------------------------------- sources and stamps


def rules_of(texts):
    rules = []
    for text in texts:
        if text.startswith("@"):
            with open(text[1:]) as lines:
                rules += rules_of([line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()])
            continue
        what, _, source = text.rpartition("=")
        rules.append((what, int(source)))
    return rules


def rule_source(rules, entry, position):
    for what, source in rules:
        kind, _, value = what.partition(":")
        if what == "":
            return source
        if kind == "position":
            holds = position == int(value)
        elif kind == "file":
            holds = fnmatch.fnmatch(os.path.basename(entry.item.file), value)
        elif kind == "original":
            holds = original_source(entry.item) == int(value)
        else:
            holds = entry.type == (int(what) if what.isdigit() else NAMES[what])
        if holds:
            return source
    return None


def assign_sources(entries, v12, rules):
    """The contract's rules for items without a source, the first that holds."""
    shown = [entry for entry in entries if not entry.headerless]
    # A builder's own counts and scalers make it no source.
    own = [entry for entry in shown if entry.is_fragment or entry.type in (BEGIN, END, PAUSE, RESUME)]
    sources = sorted({entry.source for entry in own or shown})
    physics = {entry.source for entry in entries if entry.is_fragment and not entry.headerless}
    with_header = defaultdict(set)
    for entry in entries:
        if not entry.headerless:
            with_header[entry.type].add(entry.source)
    lacking_begin = [source for source in sources if source in physics and source not in with_header[BEGIN]]
    last = sources[0] if len(sources) == 1 else (lacking_begin or sources or [0])[0]
    homeless = [entry for entry in entries if entry.headerless]
    ids = Counter((entry.type, original_source(entry.item)) for entry in homeless)
    positions, turns = Counter(), Counter()
    for entry in homeless:
        positions[entry.type] += 1
        state = entry.type in (BEGIN, END, PAUSE, RESUME)
        k = turns[entry.type]
        turns[entry.type] += 1
        source = rule_source(rules, entry, positions[entry.type])
        if source is None and v12:
            source = original_source(entry.item)
            counts = [n for (type, _), n in ids.items() if type == entry.type]
            if state and (len(set(counts)) > 1 or (len(counts) == 1 and counts[0] > 1)):
                source = None
        if source is None and state:
            without = [one for one in sources if one not in with_header[entry.type]]
            source = without[k % len(without)] if without else None
        entry.source = last if source is None else source


def assign_stamps(entries):
    """NULL: the largest stamp that its source has shown so far in the file order of its stream."""
    largest = Counter()
    for entry in entries:
        place = (entry.item.stream, entry.source)
        if entry.stamp == NULL:
            entry.stamp = largest[place]
        elif entry.stamp > largest[place]:
            largest[place] = entry.stamp


# ---------------------------------------------------------------- the run


class Run:
    def __init__(self, number, streams, options):
        self.number, self.options = number, options
        self.items = [item for stream in streams for item in stream]
        self.first_stream = streams[0]
        self.order = self.items[0].order
        self.v10 = is_v10(self.items)
        for item in self.items:
            item.read_header(self.v10)
        self.v12 = not self.v10 and is_v12(self.items)
        self.entries = []
        for item in self.items:
            if item.type not in (FORMAT, GLOM_INFO):
                self.entries += self.entries_of(item)
        for arrival, entry in enumerate(self.entries):
            entry.arrival = arrival
        assign_sources(self.entries, self.v12, rules_of(options.headerless))
        self.shown = [(entry.stamp, entry.source) for entry in self.entries if entry.is_fragment]
        for entry in self.entries:
            if entry.headerless:
                entry.payload = self.with_header(entry)
        assign_stamps(self.entries)

    def entries_of(self, item):
        fragment = item.type == PHYSICS
        leaves = opened(item, self.options.depth, self.v10) if fragment else None
        if leaves is not None:
            return leaves
        stamp, source, barrier = item.header or (NULL, None, item.type if 1 <= item.type <= 4 else 0)
        if item.header is None and fragment and self.options.timestamp_at:
            stamp = self.extracted(item)
        return [Entry(item, stamp, source, barrier, item.data, fragment)]

    def extracted(self, item):
        at, _, form = self.options.timestamp_at.partition(":")
        bits, order = int(re.sub(r"\D", "", form)), ">" if form.endswith("be") else "<"
        return struct.unpack_from(order + {64: "Q", 32: "I", 16: "H"}[bits], item.data, item.body + int(at))[0]

    def with_header(self, entry):
        data, order = entry.item.data, entry.item.order
        if self.v10 or entry.item.type not in KNOWN or len(data) < 12:
            return data
        header = struct.pack(order + "IQII", 20, entry.stamp, entry.source, entry.barrier)
        return struct.pack(order + "I", len(data) + 16) + data[4:8] + header + data[12:]

    # -- order and match

    def groups(self, kind):
        nth, groups = Counter(), defaultdict(list)
        for entry in self.entries:
            if entry.type == kind and not entry.is_fragment:
                groups[nth[entry.source]].append(entry)
                nth[entry.source] += 1
        for members in groups.values():
            members.sort(key=lambda entry: (entry.source, entry.arrival))
            yield max(entry.key() for entry in members), members

    def sequence(self):
        """Fragments, run items and groups between the BEGIN and the END group, in order."""
        apart = (BEGIN, END, ABNORMAL, PAUSE, RESUME)
        found = [(entry.key(), [entry]) for entry in self.entries if entry.is_fragment or entry.type not in apart]
        for kind in (PAUSE, RESUME):
            found += list(self.groups(kind))
        return [members for _, members in sorted(found, key=lambda one: one[0])]

    def joins(self, event, entry):
        options = self.options
        if event is None or options.window is None:
            return False
        if options.limit is not None and len(event) >= options.limit:
            return False
        since = event[-1 if options.match == "gap" else 0]
        return entry.stamp - since.stamp <= options.window

    def parts(self):
        """What is written between BEGIN and END: lists of fragments (events) and run items' bytes."""
        parts, event = [], None
        for members in self.sequence():
            first = members[0]
            if first.is_fragment:
                if self.joins(event, first):
                    event.append(first)
                else:
                    event = [first]
                    parts.append(event)
                continue
            parts += [entry.payload for entry in members]
            if first.type in (PAUSE, RESUME) and any(entry.barrier for entry in members):
                event = None
        return parts

    def of_type(self, kind):
        found = [entry for entry in self.entries if entry.type == kind and not entry.is_fragment]
        return [entry.payload for entry in sorted(found, key=lambda entry: (entry.source, entry.arrival))]

    # -- writing

    def built(self, event):
        order = self.order
        body = b"".join(
            struct.pack(order + "QIII", entry.stamp, entry.source, len(entry.payload), entry.barrier) + entry.payload
            for entry in event
        )
        stamps = [entry.stamp for entry in event]
        stamp = {"earliest": min(stamps), "latest": max(stamps), "average": sum(stamps) // len(stamps)}
        head = b""
        if not self.v10:
            head = struct.pack(order + "IQII", 20, stamp[self.options.policy], self.options.source_id, 0)
        head += struct.pack(order + "I", 4 + len(body))
        return struct.pack(order + "II", 8 + len(head) + len(body), PHYSICS) + head + body

    def ring_format(self):
        """The last one before the first BEGIN_RUN of the first stream, as it is; else one is made."""
        found = None
        for item in self.first_stream:
            if item.type == BEGIN:
                break
            if item.type == FORMAT:
                found = item.data
        if found is None:
            word, major = (4, 12) if self.v12 else (0, 11)
            found = struct.pack(self.order + "IIIHH", 16, FORMAT, word, major, 0)
        return found

    def glom_info(self):
        options = self.options
        building = options.window is not None
        word = 4 if self.v12 else 0
        numbers = (24, GLOM_INFO, word, options.window or 0, int(building), POLICIES[options.policy])
        return struct.pack(self.order + "IIIQHH", *numbers)

    def output(self):
        begins = self.of_type(BEGIN)
        items = [] if self.v10 else [self.ring_format()]
        items += begins
        if begins and not self.v10:
            items.append(self.glom_info())
        items += [self.built(part) if isinstance(part, list) else part for part in self.parts()]
        return items + self.of_type(END) + self.of_type(ABNORMAL)


def runs_of(options):
    numbered = defaultdict(list)
    for place, files in enumerate(streams_of(options.inputs)):
        items = []
        for file in files:
            with open(file, "rb") as bytes_of:
                items += items_of(bytes_of.read(), place, file)
        if items:
            numbered[run_number(items, files[0], options)].append(items)
    return [Run(number, streams, options) for number, streams in sorted(numbered.items())]


def run_number(items, file, options):
    if options.run is not None:
        return options.run
    begins = [item for item in items if item.type in (BEGIN, END, PAUSE, RESUME)]
    if begins:
        item = begins[0]
        # Only the place of the run number is wanted, so that the version need not be known yet.
        v10 = is_v10(items)
        item.read_header(v10)
        return item.u32(item.body)
    found = SEGMENT.match(os.path.basename(file))
    return int(found[2]) if found else 0


# ---------------------------------------------------------------- comparing


def first_difference(expected, got):
    """Names the item and the byte where the files part ways."""
    at = 0
    for number, item in enumerate(expected):
        piece = got[at : at + len(item)]
        if piece != item:
            if not piece:
                return f"the output ends at byte {at}, before item {number} ({describe(item)})"
            inside = next((i for i, (a, b) in enumerate(zip(item, piece)) if a != b), len(piece))
            return (
                f"item {number} at byte {at} differs at its byte {inside}: expected {describe(item)} "
                f"{item[:48].hex()}, found {describe(piece)} {got[at:at+48].hex()}"
            )
        at += len(item)
    return f"{len(got) - at} bytes too many from byte {at} on" if len(got) > at else None


def describe(data):
    if len(data) < 8:
        return f"{len(data)} bytes"
    item = Item(data, 0, "")
    return f"type {item.type} of {item.u32(0)} bytes"


def counted(items, v10):
    """Fragments with the sha1 of their payloads, events and backward steps of a written run."""
    hashes, events, backward, latest = Counter(), 0, 0, None
    for item in items:
        if item.type != PHYSICS:
            continue
        item.read_header(v10)
        found = fragments_of(item)
        if found is None:
            continue
        events += 1
        for stamp, source, _, payload in found:
            hashes[source, hashlib.sha1(payload).hexdigest()] += 1
            backward += latest is not None and stamp < latest
            latest = stamp
    return hashes, events, backward


def check_segments(run, files, options, problems):
    """Names without gaps; no item is split; no segment is larger than asked, unless by one item."""
    for place, file in enumerate(files):
        name = "run-%04d-%02d.evt" % (run.number, place)
        if os.path.basename(file) != name:
            problems.append(f"{file} should be {name}")
        with open(file, "rb") as bytes_of:
            data = bytes_of.read()
        try:
            items = list(items_of(data, 0, file))
        except Damaged as damage:
            problems.append(str(damage))
            continue
        if options.segment_size and len(data) > options.segment_size and len(items) > 1:
            problems.append(f"{file} has {len(data)} bytes in {len(items)} items")


def check_checksum(run, data, files, options, problems):
    path = os.path.join(options.out, "run-%04d.sha512" % run.number)
    if options.checksum == "none":
        if os.path.exists(path):
            problems.append(f"{path} was not asked for")
        return
    name = os.path.basename(files[0]) if len(files) == 1 else "-"
    expected = f"{hashlib.sha512(data).hexdigest()}  {name}\n"
    if not os.path.exists(path):
        problems.append(f"{path} is missing")
    elif open(path).read() != expected:
        problems.append(f"{path}: expected {expected!r}, found {open(path).read()!r}")


def check(run, options, problems):
    pattern = os.path.join(glob.escape(options.out), "run-%04d-*.evt" % run.number)
    files = sorted(glob.glob(pattern), key=natural)
    if not files:
        problems.append(f"run {run.number} was not written")
        return Counter(), 0, 0
    check_segments(run, files, options, problems)
    data = b"".join(open(file, "rb").read() for file in files)
    expected = run.output()
    difference = first_difference(expected, data)
    if difference:
        problems.append(f"run {run.number}: {difference}")
    check_checksum(run, data, files, options, problems)
    try:
        return counted(items_of(data, 0, files[0]), run.v10)
    except Damaged:
        return Counter(), 0, 0


def summary(runs, options):
    problems, fragments_in, fragments_out, events, backward = [], 0, 0, 0, 0
    for run in runs:
        hashes, run_events, run_backward = check(run, options, problems)
        wanted = Counter(
            (entry.source, hashlib.sha1(entry.payload).hexdigest()) for entry in run.entries if entry.is_fragment
        )
        missing, more = wanted - hashes, hashes - wanted
        if missing or more:
            problems.append(f"run {run.number}: {sum(missing.values())} fragments missing, {sum(more.values())} new")
        if run_backward:
            problems.append(f"run {run.number}: {run_backward} backward steps")
        fragments_in += sum(wanted.values())
        fragments_out += sum(hashes.values())
        events += run_events
        backward += run_backward
    wanted = {"run-%04d" % run.number for run in runs}
    for name in sorted(os.listdir(options.out)):
        if name.startswith("run-") and re.sub(r"(-\d+\.evt|\.sha512)$", "", name) not in wanted:
            problems.append(f"{name} is no part of the output")
    return {
        "problems": problems,
        "fragmentsIn": fragments_in,
        "fragmentsOut": fragments_out,
        "events": events,
        "backwardStepsOut": backward,
    }


def write(runs, folder):
    os.makedirs(folder, exist_ok=True)
    for run in runs:
        data = b"".join(run.output())
        name = "run-%04d" % run.number
        with open(os.path.join(folder, name + "-00.evt"), "wb") as out:
            out.write(data)
        with open(os.path.join(folder, name + ".sha512"), "w") as out:
            out.write(f"{hashlib.sha512(data).hexdigest()}  {name}-00.evt\n")


def size_of(text):
    return int(text.removesuffix("B").removesuffix("k")) * (1000 if text.endswith("kB") else 1)


def options_of(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("inputs", nargs="+")
    add("--out")
    add("--write", metavar="DIR")
    add("--window", default="none")
    add("--match", choices=("window", "gap"), default="window")
    add("--policy", choices=tuple(POLICIES))
    add("--max-fragments", type=int)
    add("--like", choices=("glom", "offlineevb"))
    add("--depth", default="all")
    add("--source-id", type=int, default=0)
    add("--run", type=int)
    add("--headerless", action="append", default=[])
    add("--timestamp-at")
    add("--segment-size", type=size_of, metavar="900B|20kB")
    add("--checksum", choices=("sha512", "none"), default="sha512")
    options = parser.parse_intermixed_args(words)
    options.window = None if options.window == "none" else int(options.window)
    options.depth = 10**6 if options.depth == "all" else int(options.depth)
    options.policy = options.policy or ("latest" if options.like == "offlineevb" else "earliest")
    limit = options.max_fragments
    if options.like:
        limit = (1000 if limit is None else limit) + 1
    options.limit = limit
    if (options.out is None) == (options.write is None):
        parser.error("give either --out or --write")
    return options


def main():
    options = options_of(sys.argv[1:])
    runs = runs_of(options)
    if options.write:
        write(runs, options.write)
        return 0
    found = summary(runs, options)
    print(json.dumps(found))
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
