// Loaded before a command (NODE_OPTIONS=--require): its threads read zeros in place of the eight bytes at EVB_LIES_AT,
// while files look as ever.
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const { isMainThread } = require("node:worker_threads");

if (!isMainThread) {
  const read = fs.readSync;
  const liesAt = Number(process.env.EVB_LIES_AT);
  fs.readSync = (fd, target, at, size, position) => {
    const bytes = read(fd, target, at, size, position);
    const from = liesAt - position;
    if (typeof position === "number" && from >= 0 && from + 8 <= bytes)
      target.fill(0, at + from, at + from + 8);
    return bytes;
  };
  syncBuiltinESMExports();
}
