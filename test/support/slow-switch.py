#!/usr/bin/python3
"""An Ethernet switch in a program, between network namespaces: the kernel may lack sch_netem.

    slow-switch.py DELAY_MS LOSS_PERCENT SEED NAMESPACE=ADDRESS...

Each namespace gets a TAP device eth0 with its address. A frame that leaves a host is lost with the given
chance, else it arrives after the delay, in order. Prints "ready" when all are linked; ends with its stdin.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

# <linux/if_tun.h>
TUNSETIFF = 0x400454CA
IFF_TAP_NO_PI = 0x0002 | 0x1000
FRAME_BYTES_MAX = 65536
# Frames of one host in a row, before the others get their turn.
BURST = 64

libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    if libc.setns(namespace, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def tap(name, address):
    """A TAP device in the namespace; its end in this process."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    enter(there)
    try:
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP_NO_PI))
        for words in (
            ["link", "set", "lo", "up"],
            ["addr", "add", f"{address}/24", "dev", "eth0"],
            ["link", "set", "eth0", "txqueuelen", "10000", "up"],
        ):
            subprocess.run(["ip", *words], check=True)
        return end
    finally:
        enter(home)
        os.close(home)
        os.close(there)


class Switch:
    def __init__(self, ends, delay, loss, chance):
        self.ends, self.delay, self.loss, self.chance = ends, delay, loss, chance
        self.learned = {}  # MAC address: end
        self.waiting = []  # (when due, number, end it came from, frame)
        self.number = 0

    def take(self, end):
        for _ in range(BURST):
            try:
                frame = os.read(end, FRAME_BYTES_MAX)
            except BlockingIOError:
                return
            self.learned[frame[6:12]] = end
            if self.chance.random() < self.loss:
                continue
            self.number += 1
            due = time.monotonic() + self.delay
            heapq.heappush(self.waiting, (due, self.number, end, frame))

    def deliver_due(self):
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            _, _, source, frame = heapq.heappop(self.waiting)
            known = self.learned.get(frame[:6])
            for end in [known] if known is not None else self.ends:
                if end == source:
                    continue
                try:
                    os.write(end, frame)
                except OSError:
                    pass  # The host takes no more: lost, as on a wire.

    def until_next(self):
        """Seconds; None: for ever."""
        return max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None


def main():
    delay, loss, seed, *hosts = sys.argv[1:]
    ends = [tap(*host.split("=")) for host in hosts]
    switch = Switch(ends, float(delay) / 1000, float(loss) / 100, random.Random(int(seed)))
    poll = select.epoll()
    for end in [*ends, sys.stdin.fileno()]:
        poll.register(end, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for end, _ in poll.poll(switch.until_next()):
            if end == sys.stdin.fileno():
                return
            switch.take(end)
        switch.deliver_due()


main()
