// Joins what tsc built and the libraries that it needs to a few files: packages/cli/bundle/, which the commands run.
//
// The one rule about places: the bundle is a flat folder beside packages/cli/dist/, and whatever begins by the name of
// its file keeps that name. So `./bench-worker.js` and `../package.json`, seen from the file that names them, are
// right in both, and nothing is replaced here. packages/formats/src/built-url.ts is the other end of it.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { LIBRARIES } from "./libraries.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "packages/cli/bundle");

const common = {
  absWorkingDir: root,
  outdir: folder,
  external: Object.keys(LIBRARIES),
  // Without its compiled half, which takes 7 ms to load, and saves 30 ms where a welcome names 65,535 sources.
  alias: { msgpackr: "msgpackr/pack", "string-width": join(root, "scripts/plain-width.mjs") },
  bundle: true,
  format: "esm",
  platform: "node",
  // Everything is written for Node 20 already. To be older esbuild would make `new RegExp` of literals, which isn't lazy.
  target: "esnext",
  sourcemap: "linked",
  sourcesContent: false,
  logLevel: "warning",
  write: false,
};
/**
 * Entries that share pieces, each a file that is loaded once. What no entry of a group uses isn't in it: threads and
 * clients, which are started by the thousand, compile no more than they run.
 */
const GROUPS = [
  {
    evb: "packages/cli/dist/mod.js",
    "library-probe-process": "packages/formats/dist/hdf5/library-probe-process.js",
    "checksum-worker": "packages/runner/dist/rebuild/checksum-worker.js",
    "measure-worker": "packages/runner/dist/measure/measure-worker.js",
  },
  { "evb-client": "packages/cli/dist/client-main.js" },
  {
    "bench-worker": "packages/runner/dist/client/bench-worker.js",
    "module-hooks": "packages/runner/dist/client/module-hooks.js",
    // What a user's module imports: of the pieces of the thread that it runs in, so that an EvbError is an EvbError.
    "evb-analysis": "packages/runner/dist/client/evb-analysis.js",
    "evb-event": "packages/runner/dist/client/evb-event.js",
  },
  { "decode-worker": "packages/runner/dist/client/decode-worker.js" },
];
const built = await Promise.all(
  GROUPS.map((entryPoints) => build({ ...common, splitting: true, entryPoints })),
);
const outputFiles = built.flatMap((group) => group.outputFiles);

mkdirSync(folder, { recursive: true });
for (const { path, contents } of outputFiles) writeFileSync(path, contents);
const names = new Set(outputFiles.map(({ path }) => basename(path)));
// Older pieces, and what Node compiled of them.
for (const name of readdirSync(folder))
  if (!names.has(name)) rmSync(join(folder, name), { recursive: true });
