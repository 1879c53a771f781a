#!/usr/bin/env python3
"""Makes a seeded shape of ring-item files, with everything in it that trips a reader up.

    ring_make.py --seed 7 DIR

writes the files and prints {"shape": …, "files": […], "cases": [[options of `evb order`], …], "stable": […]}.
`stable` says for each case whether ordering its output again must change nothing. Same seed, same bytes.
"""
import argparse
import json
import os
import random
import struct
import sys

BEGIN, END, PAUSE, RESUME, ABNORMAL, PACKETS, VARIABLES, FORMAT = 1, 2, 3, 4, 5, 10, 11, 12
SCALERS, PHYSICS, COUNT, EVB_FRAGMENT, UNKNOWN_PAYLOAD, GLOM_INFO = 20, 30, 31, 40, 41, 42
NULL = 2**64 - 1
UNIX = 1_700_000_000


class Shape:
    """What a seed chooses; everything that follows is drawn from it."""

    def __init__(self, seed, run):
        self.run = run
        R = self.random = random.Random(seed)
        self.layout = R.choice(("v10", "v11", "v11", "v12", "v12", "v11.4"))
        self.order = R.choice("<<>")
        pool = [0, 1, 2, 3, 7, 10, 11, 200, 65536, 2**31, 2**32 - 1]
        self.sources = sorted(R.sample(pool, R.choice((1, 2, 2, 3, 3, 4, 6))))
        self.form = R.choice(("built", "built", "raw", "mixed", "nested"))
        if self.layout == "v10" and self.form in ("raw", "mixed"):
            self.form = "built"
        self.triggers = R.choice((1, 5, 40, 150, 400))
        self.period = R.choice((1, 50, 1000))
        self.base = R.choice((0, 1000, 2**32 - 3000, 2**53 - 500, 2**63 - 20_000, 2**64 - 1_500_000))
        self.jitter = R.choice((0, 3, 40))
        self.late = R.choice((0, 0, 0.02, 0.3))
        self.equal = R.choice((0, 0, 0.3, 0.9))
        self.null = R.choice((0, 0, 0.1))
        self.streams = R.choice((1, 1, 1, 2, 3))
        self.segments = R.choice((1, 1, 2, 3))
        self.headerless = R.choice(("none", "none", "states", "some", "nonphysics", "all"))
        if self.layout == "v10":
            self.headerless = "all"
        if self.headerless == "all" and self.layout != "v10":
            self.form = R.choice(("raw", "mixed"))
        self.originals = R.choice(("true", "zero"))
        self.extension = R.choice((0, 0, 4, 12))
        self.run_items = R.choice((0, 0.05, 0.3))
        self.null_items = R.choice((0, 0, 0.3))
        self.user_items = R.choice((0, 0, 0.1))
        self.pauses = R.choice((0, 0, 1, 2))
        self.pause_barrier = R.choice((True, True, False))
        self.begin = R.random() > 0.1
        self.end = R.choice(("all", "all", "all", "some", "none"))
        self.abnormal = R.random() < 0.15
        self.formats = R.choice((0, 1, 1, 1, 2))
        self.gloms = R.choice((0, 1, 2))
        self.odd_places = R.random() < 0.2
        self.strange_leaves = R.random() < 0.2
        self.payload = R.choice((0, 40, 40, 600, 20_000))
        if self.payload > 1000:
            self.triggers = min(self.triggers, 40)
        if self.headerless in ("states", "some", "nonphysics", "all"):
            # Which source a headerless PAUSE of a second pause belongs to, nobody can say.
            self.pauses = min(self.pauses, 1)
        self.two_runs = R.random() < 0.15
        self.shared = R.random() < 0.3 and self.headerless == "none"
        self.lost = set(self.sources)
        if self.headerless == "some":
            self.lost = set(R.sample(self.sources, (len(self.sources) + 1) // 2))

    def describe(self):
        return {
            name: sorted(value) if isinstance(value, set) else value
            for name, value in vars(self).items()
            if name != "random"
        }


class Writer:
    """Bytes of items in the shape's layout."""

    def __init__(self, shape):
        self.shape, self.random, self.e = shape, shape.random, shape.order
        self.v10 = shape.layout == "v10"
        self.originals = shape.layout in ("v12", "v11.4")
        self.empty = 0 if shape.layout == "v11" else 4

    def pack(self, form, *values):
        return struct.pack(self.e + form, *values)

    def item(self, kind, body, header=None, extension=b""):
        if self.v10:
            head = b""
        elif header is None:
            head = self.pack("I", self.empty)
        else:
            head = self.pack("IQII", 20 + len(extension), *header) + extension
        return self.pack("II", 8 + len(head) + len(body), kind) + head + body

    def original(self, source):
        if not self.originals:
            return b""
        return self.pack("I", source if self.shape.originals == "true" else 0)

    def divisor(self):
        return b"" if self.v10 else self.pack("I", 1)

    def state(self, kind, source, header, run):
        title = b"a title of run items".ljust(81, b"\0")
        body = self.pack("III", run, 0, UNIX) + self.divisor() + self.original(source) + title
        if self.v10 and self.random.random() < 0.5:
            body += b"\xa5\xa5\xa5"
        return self.item(kind, body, header)

    def scalers(self, source, header):
        values = [self.random.getrandbits(32) for _ in range(self.random.randrange(5))]
        body = self.pack("III", 1, 2, UNIX) + self.divisor() + self.pack("I", len(values))
        if not self.v10:
            body += self.pack("I", 1) + self.original(source)
        return self.item(SCALERS, body + self.pack("%dI" % len(values), *values), header)

    def count(self, source, header):
        body = self.pack("I", 5) + self.divisor() + self.pack("I", UNIX) + self.original(source)
        return self.item(COUNT, body + self.pack("Q", self.random.getrandbits(40)), header)

    def text(self, source, header):
        strings = [b"set a %d" % self.random.randrange(1000) for _ in range(self.random.randrange(4))]
        body = self.pack("III", 1, UNIX, len(strings)) + self.divisor() + self.original(source)
        kind = self.random.choice((PACKETS, VARIABLES))
        return self.item(kind, body + b"".join(one + b"\0" for one in strings), header)

    def ring_format(self, major):
        return self.pack("IIIHH", 16, FORMAT, self.random.choice((0, self.empty)), major, 0)

    def glom_info(self):
        return self.pack("IIIQHH", 24, GLOM_INFO, self.empty, self.random.randrange(1000), 1, 2)

    def physics(self, header, size=None):
        """A raw event. The count of 16-bit words in front never is the count of bytes."""
        words = self.random.randrange(self.shape.payload // 2 + 1) if size is None else size
        body = self.pack("I", words + 2) + self.random.randbytes(2 * words)
        extension = self.random.randbytes(self.shape.extension) if header else b""
        return self.item(PHYSICS, body, header, extension)

    def fragment(self, stamp, source, payload, barrier=0):
        return self.pack("QIII", stamp, source, len(payload), barrier) + payload

    def built(self, fragments, header):
        body = b"".join(fragments)
        return self.item(PHYSICS, self.pack("I", 4 + len(body)) + body, header)

    def evb_fragment(self, stamp, source):
        return self.item(EVB_FRAGMENT, self.physics((stamp, source, 0), 3), (stamp, source, 0))

    def unknown_payload(self, stamp, source):
        """As the format library writes it."""
        return self.item(UNKNOWN_PAYLOAD, self.random.randbytes(9), (stamp, source, 0))

    def gloms_unknown_payload(self, stamp, source):
        """As glom writes it: a fragment header and no body header, nor a word in its place."""
        fragment = self.fragment(stamp, source, self.random.randbytes(9))
        return self.pack("II", 8 + len(fragment), UNKNOWN_PAYLOAD) + fragment

    def user(self, stamp, source):
        kind = self.random.choice((0x8000, 0x8001, 0xFFFF, 77))
        return self.item(kind, self.random.randbytes(self.random.randrange(30)), (stamp, source, 0))

    def bare_user(self):
        """No body header: of no source, without stamp; in some there is nothing at all."""
        body = b"" if self.random.random() < 0.3 else b"bytes"
        return self.item(self.random.choice((0x8002, 0x8003)), body)


class Stream:
    """One file of the run: elements in the order of arrival, then bytes."""

    def __init__(self, shape, writer, sources, number):
        self.shape, self.writer, self.random = shape, writer, shape.random
        self.sources = sources
        self.run = shape.run + (number % 2 if shape.two_runs else 0)

    def header(self, source, stamp, barrier=0, physics=False):
        lost = self.shape.headerless
        if lost == "none" or source not in self.shape.lost:
            return (stamp, source, barrier)
        if physics:
            return None if lost == "all" else (stamp, source, barrier)
        if lost in ("some", "nonphysics", "all") or barrier:
            return None
        return (stamp, source, barrier)

    def elements(self):
        """(moment of arrival, stamp, source, what)"""
        shape, R = self.shape, self.random
        found, latest, now = [], {}, shape.base
        for trigger in range(shape.triggers):
            now += 0 if trigger and R.random() < shape.equal else R.randint(0, 2 * shape.period)
            for source in self.sources:
                if R.random() < 0.15:
                    continue
                stamp = max(0, now + R.randint(-shape.jitter, shape.jitter))
                if R.random() < shape.equal:
                    stamp = latest.get(source, stamp)
                latest[source] = stamp
                held = R.randint(1, 30 * shape.period) if R.random() < shape.late else 0
                found.append((stamp + held, stamp, source, "fragment"))
            for what, share in (("item", shape.run_items), ("user", shape.user_items)):
                if R.random() < share:
                    found.append((now, now, R.choice(self.sources), what))
            if shape.pauses and trigger and trigger % max(1, shape.triggers // (shape.pauses + 1)) == 0:
                if trigger // max(1, shape.triggers // (shape.pauses + 1)) <= shape.pauses:
                    found += self.pause(now)
        return [one[1:] for one in sorted(found, key=lambda one: one[0])]

    def pause(self, now):
        spread = self.shape.period if self.shape.odd_places else 0
        for what in ("pause", "resume"):
            for source in self.sources:
                if self.random.random() > 0.1 or self.shape.headerless != "none":
                    stamp = now + self.random.randint(0, spread)
                    yield (stamp, stamp, source, what)

    def run_item(self, stamp, source):
        writer, R = self.writer, self.random
        if R.random() < self.shape.null_items:
            stamp = NULL
        header = self.header(source, stamp)
        choice = R.randrange(8)
        if choice == 0 and not writer.v10:
            return writer.evb_fragment(stamp, source)
        if choice == 1 and not writer.v10:
            return R.choice((writer.unknown_payload, writer.gloms_unknown_payload))(stamp, source)
        return R.choice((writer.scalers, writer.count, writer.text))(source, header)

    def state(self, kind, source, stamp):
        barrier = kind if kind in (BEGIN, END) or self.shape.pause_barrier else 0
        header = self.header(source, stamp, barrier)
        if not barrier and self.shape.headerless in ("states", "nonphysics", "all") and not self.writer.v10:
            header = None
        return self.writer.state(kind, source, header, self.run)

    def payload(self, stamp, source):
        """What a fragment carries: mostly a raw event with the stamp of the fragment, but not always."""
        writer, R = self.writer, self.random
        if self.shape.strange_leaves and R.random() < 0.2:
            return R.choice((writer.scalers, writer.text))(source, (stamp, source, 0))
        if R.random() < 0.1:
            return writer.physics(None)
        return writer.physics((stamp ^ R.choice((0, 0, 1)), source, 0))

    def fragments(self, wanted):
        """Flat fragments, and how deep they are nested."""
        writer, R = self.writer, self.random
        for stamp, source in wanted:
            seen = NULL if R.random() < self.shape.null else stamp
            yield writer.fragment(seen, source, self.payload(stamp, source), R.choice((0,) * 30 + (3,)))

    def event(self, wanted):
        """Items that hold the fragments: one built item, nested or not, or raw ones."""
        writer, R, form = self.writer, self.random, self.shape.form
        if form == "raw" or (form == "mixed" and R.random() < 0.5):
            for stamp, source in wanted:
                seen = NULL if R.random() < self.shape.null else stamp
                yield writer.physics(self.header(source, seen, physics=True))
            return
        flat = list(self.fragments(wanted))
        for _ in range(R.choice((0, 1, 1, 2)) if form == "nested" else 0):
            flat = self.deeper(flat, wanted[0][0])
        yield writer.built(flat, (wanted[0][0], 99, 0) if R.random() < 0.95 else None)

    def deeper(self, flat, stamp):
        writer, R = self.writer, self.random
        cut = R.randrange(1, len(flat) + 1)
        inner = [writer.fragment(stamp, 98, writer.built(flat[:cut], (stamp, 98, 0)))]
        return inner + (flat[cut:] if R.random() < 0.5 else self.wrapped(flat[cut:], stamp))

    def wrapped(self, flat, stamp):
        if not flat:
            return []
        return [self.writer.fragment(stamp, 97, self.writer.built(flat, (stamp, 97, 0)))]

    def items(self):
        """All items of the stream, in file order."""
        shape, R = self.shape, self.random
        waiting, size = [], R.randint(1, 6)
        yield from self.beginning()
        for stamp, source, what in self.elements():
            if what == "fragment":
                waiting.append((stamp, source))
                if len(waiting) >= size:
                    yield from self.event(waiting)
                    waiting, size = [], R.randint(1, 6)
            elif what in ("pause", "resume"):
                if waiting:
                    yield from self.event(waiting)
                waiting = []
                yield self.state(PAUSE if what == "pause" else RESUME, source, stamp)
            elif what == "item":
                yield self.run_item(stamp, source)
            else:
                bare = R.random() < 0.3 or self.writer.v10
                yield self.writer.bare_user() if bare else self.writer.user(stamp, source)
        if waiting:
            yield from self.event(waiting)
        yield from self.ending()

    def beginning(self):
        shape, writer, R = self.shape, self.writer, self.random
        majors = {"v11": 11, "v11.4": 11, "v12": 12}
        begins = [self.state(BEGIN, source, R.choice((NULL, 0))) for source in self.sources if shape.begin]
        first = [writer.ring_format(majors[shape.layout]) for _ in range(shape.formats)] if not writer.v10 else []
        gloms = [writer.glom_info() for _ in range(shape.gloms)] if not writer.v10 else []
        if shape.odd_places and begins:
            first, begins = first + begins[:1], begins[1:]
        return first + begins[:1] + gloms + begins[1:]

    def ending(self):
        shape, R = self.shape, self.random
        ends = [self.state(END, source, NULL) for source in self.sources]
        if shape.end == "some":
            ends = ends[: len(ends) // 2]
        if shape.end == "none":
            ends = []
        if shape.odd_places:
            R.shuffle(ends)
        return ends + ([self.writer.item(ABNORMAL, b"")] if shape.abnormal else [])


def write_files(shape, folder):
    writer, files = Writer(shape), []
    os.makedirs(folder, exist_ok=True)
    for number in range(shape.streams):
        sources = [one for place, one in enumerate(shape.sources) if place % shape.streams == number]
        if shape.shared:
            sources = sorted({*sources, shape.sources[0]})
        if not sources:
            continue
        stream = Stream(shape, writer, sources, number)
        items = list(stream.items())
        # No segment is empty: that is refused, and has its own tests.
        segments = min(shape.segments, len(items))
        cuts = sorted(shape.random.sample(range(1, len(items)), segments - 1)) if items else []
        for segment, (low, high) in enumerate(zip([0] + cuts, cuts + [len(items)] if items else [])):
            path = os.path.join(folder, "%s-%04d-%02d.evt" % ("abc"[number], stream.run, segment))
            with open(path, "wb") as out:
                out.write(b"".join(items[low:high]))
            files.append(path)
    return files


def cases_of(shape):
    """Options to try, and whether a second pass over the output must change nothing."""
    R = shape.random
    windows = R.sample((0, 1, shape.period, 3 * shape.period, 10_000, 2**32 + 5, 2**64 - 1), 3)
    cases = [[], ["--window", str(windows[0]), "--policy", R.choice(("earliest", "latest", "average"))]]
    cases.append(["--window", str(windows[1]), "--match", "gap", "--source-id", str(R.choice((5, 2**32 - 1)))])
    cases.append(["--window", str(windows[2]), "--policy", "average", "--max-fragments", str(R.choice((1, 2, 7)))])
    like = R.choice(("glom", "offlineevb"))
    cases.append(["--window", str(windows[0]), "--like", like] + R.choice(([], ["--max-fragments", "3"])))
    cases.append(["--window", str(windows[2]), "--segment-size", R.choice(("900B", "20kB")), "--run", "12345"])
    if shape.form == "nested":
        cases.append(["--window", str(windows[1]), "--depth", R.choice("012")])
    if shape.layout != "v10" and shape.headerless == "all":
        cases.append(["--window", str(windows[0]), "--timestamp-at", "0:u32" + ("le" if shape.order == "<" else "be")])
        cases.append(["--headerless", "PHYSICS_EVENT=3", "--headerless", "position:2=8", "--headerless", "11"])
    return cases, [is_stable(shape, case) for case in cases]


def is_stable(shape, case):
    """
    NULL-stamped run items take the stamp of what lies before them in the file, and a window lays other
    fragments there; so do NULL stamps where one source is in several streams. --depth 0 opens nothing,
    and so wraps an event once more.
    """
    bare = shape.user_items or (shape.pauses and shape.headerless != "none")
    nulls = shape.null_items or bare or shape.headerless not in ("none", "states")
    items = (shape.run_items and nulls) or bare
    if "--depth" in case and "0" == case[case.index("--depth") + 1]:
        return False
    if "--headerless" in case:
        return False
    # A PAUSE that joins its group behind takes the stamp along that it had shown to what follows it.
    alone = shape.streams == 1 and shape.layout != "v10" and not shape.user_items and not shape.pauses
    return not items or ("--window" not in case and alone)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--run", type=int, default=1, help="its number; of two runs that of the first")
    options = parser.parse_args()
    shape = Shape(options.seed, options.run)
    files = write_files(shape, options.folder)
    cases, stable = cases_of(shape)
    print(json.dumps({"shape": shape.describe(), "files": files, "cases": cases, "stable": stable}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
