// Loaded before a command (NODE_OPTIONS=--require): its clients are on another host, by its name at least, and what
// they make sure of is written to EVB_SYNCED, a line for each file.
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const os = require("node:os");

// A thread doesn't know what its process runs, but has its environment.
if (process.argv[1]?.endsWith("client.js")) process.env.EVB_IS_CLIENT = "yes";
if (process.env.EVB_IS_CLIENT === "yes") {
  os.hostname = () => "elsewhere";
  const sync = fs.fsyncSync;
  fs.fsyncSync = (fd) => {
    sync(fd);
    fs.appendFileSync(process.env.EVB_SYNCED, `${fs.readlinkSync(`/proc/self/fd/${fd}`)}\n`);
  };
  syncBuiltinESMExports();
}
