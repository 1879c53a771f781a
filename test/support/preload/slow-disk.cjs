// Loaded before a command (NODE_OPTIONS=--require): in its threads each read of 64 kB and more takes EVB_DISK_MS more, of
// which the disk serves any number at once.
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const { isMainThread } = require("node:worker_threads");

const SMALL = 65_536;

if (!isMainThread) {
  const ms = Number(process.env.EVB_DISK_MS);
  const { read, readSync } = fs;
  const never = new Int32Array(new SharedArrayBuffer(4));
  fs.readSync = (fd, target, at, size, position) => {
    if (size >= SMALL) Atomics.wait(never, 0, 0, ms);
    return readSync(fd, target, at, size, position);
  };
  fs.read = (fd, target, at, size, position, callback) => {
    if (size < SMALL) read(fd, target, at, size, position, callback);
    else setTimeout(() => read(fd, target, at, size, position, callback), ms);
  };
  syncBuiltinESMExports();
}
