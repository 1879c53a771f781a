#!/usr/bin/python3
"""Starts a command N times, K = 0 … N−1 in place of {k}, lets all begin at once, and says how long they took together.

  together.py N COMMAND...     each says "ready", waits for a line, and prints: begin end bytes check
"""
import subprocess, sys

n, words = int(sys.argv[1]), sys.argv[2:]
pipe = subprocess.PIPE
running = [
    subprocess.Popen([w.replace("{k}", str(k)) for w in words], stdin=pipe, stdout=pipe, text=True)
    for k in range(n)
]
for p in running:
    if p.stdout.readline().strip() != "ready":
        sys.exit("a peer isn't ready")
for p in running:
    p.stdin.write("go\n")
    p.stdin.flush()
lines = [p.communicate()[0].split() for p in running]
begin = min(float(line[0]) for line in lines)
end = max(float(line[1]) for line in lines)
print(end - begin, sum(int(line[2]) for line in lines), sum(int(line[3]) for line in lines))
