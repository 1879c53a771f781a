// Packs evb as one tarball, evb-VERSION.tgz, with the libraries that it needs in it: `npm install` takes it without a
// network, and so does `tar`. `npm run build` comes first.
//
//   node scripts/pack.mjs [FOLDER]     where the tarball goes; the present folder
//
// Everything that evb finds by its place lies where it lies here:
//
//   packages/cli/       the commands: bin/, bundle/, package.json
//   jobs/ docs/         examples, the schema of job files, what there is to read
//   types/              declarations of evb/analysis and evb/event
//   node_modules/       LIBRARIES, as far as Linux with glibc needs them
//   NOTICES.md          licences of what the bundle has of others
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LIBRARIES } from "./libraries.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path) => fs.readFileSync(join(root, path), "utf8");
const readJson = (path) => JSON.parse(read(path));

/** Only these are asked for by name: what else lies about in a folder of somebody's isn't given away. */
const COPIED = [
  "packages/cli/bin",
  "packages/cli/bundle",
  "jobs",
  "docs",
  "README.md",
  "LICENSE",
  "docker-compose.yml",
  "scripts/submit-slurm.sh",
  "scripts/submit-lsf.sh",
];
const COMMANDS = ["evb", "coordinator", "client"];
/** Of evb's packages, those that an analysis may import. */
const DECLARED = ["analysis", "event"];
/** What Node compiled, what the project is tested with, and what is for those who compile. */
const LEFT_OUT =
  /\/bundle\/compiled|\/jobs\/tsconfig\.json$|\/docs\/(decisions|acceptance\.md)|\/zeromq\/lib\/ts3\.7|\/node_modules\/.*\.(d\.ts|map)$/;

const staged = fs.mkdtempSync(join(tmpdir(), "evb-pack-"));
try {
  stage();
  report(packed(resolve(process.argv[2] ?? ".")));
} catch (thrown) {
  console.error(`pack: ${thrown.message}`);
  process.exitCode = 1;
} finally {
  fs.rmSync(staged, { recursive: true, force: true });
}

function stage() {
  if (!fs.existsSync(join(root, "packages/cli/bundle/evb.js")))
    throw new Error("there is no packages/cli/bundle/evb.js to pack; `npm run build` makes it");
  COPIED.forEach(copy);
  DECLARED.forEach(declare);
  for (const [name, kept] of Object.entries(LIBRARIES)) stageLibrary(name, kept);
  stageBinaries();
  write("NOTICES.md", notices());
  write("package.json", JSON.stringify(description(), undefined, 2));
  const { name, version, type } = readJson("packages/cli/package.json");
  write("packages/cli/package.json", JSON.stringify({ name, version, private: true, type }));
}

function copy(path) {
  const filter = (each) => !LEFT_OUT.test(each);
  fs.cpSync(join(root, path), join(staged, path), { recursive: true, filter, dereference: true });
}

function write(path, text) {
  fs.mkdirSync(dirname(join(staged, path)), { recursive: true });
  fs.writeFileSync(join(staged, path), `${text}\n`);
}

/** There are no packages @evb/… where this one is installed: declarations name each other by their places. */
function declare(name) {
  const folder = join(root, "packages", name, "dist");
  for (const path of fs.readdirSync(folder, { recursive: true })) {
    if (!path.endsWith(".d.ts")) continue;
    const up = relative(dirname(join(name, path)), ".") || ".";
    const text = fs
      .readFileSync(join(folder, path), "utf8")
      .replaceAll(
        /(from |import\()"@evb\/(\w+)"/g,
        (_, verb, other) => `${verb}"${up}/${other}/mod.js"`,
      )
      .replaceAll(/(from |import\()"(\.[^"]*)\.ts"/g, '$1"$2.js"')
      .replace(/\n?\/\/# sourceMappingURL=.*\n?$/, "");
    write(join("types", name, path), text);
  }
}

/** Without what runs at installation, which would compile where a binary doesn't load, and without what only that needs. */
function stageLibrary(name, kept) {
  const from = join("node_modules", name);
  const { version, license, type, main, exports, dependencies } = readJson(`${from}/package.json`);
  const needed = Object.keys(dependencies ?? {}).filter((other) => other in LIBRARIES);
  const described = {
    ...{ name, version, license, type, main, exports },
    dependencies: Object.fromEntries(needed.map((other) => [other, versionOf(other)])),
  };
  write(join(from, "package.json"), JSON.stringify(described, undefined, 2));
  for (const path of kept) copy(join(from, path));
}

/** zeromq's, of Linux with glibc; the manifest by which they are found names each by what it is for. */
function stageBinaries() {
  const build = "node_modules/zeromq/build";
  const fits = ([key]) => {
    const { os, libc } = JSON.parse(key);
    return os === "linux" && libc === "glibc";
  };
  const manifest = Object.fromEntries(
    Object.entries(readJson(`${build}/manifest.json`)).filter(fits),
  );
  for (const path of Object.values(manifest)) copy(join(build, path));
  write(join(build, "manifest.json"), JSON.stringify(manifest));
}

function versionOf(library) {
  return readJson(`node_modules/${library}/package.json`).version;
}

function description() {
  const { description, license, engines } = readJson("package.json");
  const bundled = Object.keys(LIBRARIES);
  return {
    name: "evb",
    version: readJson("packages/cli/package.json").version,
    ...{ description, license, type: "module", engines, os: ["linux"], libc: ["glibc"] },
    bin: Object.fromEntries(COMMANDS.map((name) => [name, `packages/cli/bin/${name}.js`])),
    exports: Object.fromEntries(DECLARED.map((name) => [`./${name}`, declaredAs(name)])),
    dependencies: Object.fromEntries(bundled.map((name) => [name, versionOf(name)])),
    bundleDependencies: bundled,
  };
}

function declaredAs(name) {
  return {
    types: `./types/${name}/mod.d.ts`,
    default: `./packages/cli/bundle/evb-${name}.js`,
  };
}

/** Of every package of which there is a part in the bundle, as the bundle's maps say. */
function notices() {
  const bundle = join(root, "packages/cli/bundle");
  const maps = fs.readdirSync(bundle).filter((path) => path.endsWith(".map"));
  const sources = maps.flatMap(
    (path) => JSON.parse(fs.readFileSync(join(bundle, path), "utf8")).sources,
  );
  const folders = sources.flatMap((source) => {
    const path = relative(root, join(bundle, source));
    return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [];
  });
  const parts = [...new Set(folders)].map(notice).sort();
  return ["# What evb's bundle has of others", ...parts].join("\n\n");
}

function notice(folder) {
  const { name, version, license, author } = readJson(`${folder}/package.json`);
  const path = fs.readdirSync(join(root, folder)).find((each) => /^licen[cs]e/i.test(each));
  const by = typeof author === "object" ? author.name : author;
  const text = path === undefined ? `By ${by}.` : read(join(folder, path)).trim();
  return `## ${name} ${version} (${license})\n\n${text}`;
}

/** npm's own, so that it is what npm installs: the name, the order of files, the dates. */
function packed(destination) {
  fs.mkdirSync(destination, { recursive: true });
  const words = ["pack", "--json", "--ignore-scripts", "--loglevel=error"];
  const { status, stdout, stderr } = spawnSync(
    "npm",
    [...words, "--pack-destination", destination],
    { cwd: staged, encoding: "utf8", maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error(`npm pack ended with ${status}: ${stderr.trim()}`);
  return { ...JSON.parse(stdout)[0], destination };
}

function report({ filename, size, unpackedSize, entryCount, destination }) {
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  console.log(
    `${relative(".", join(destination, filename))}: ${megabytes(size)} MB, ${entryCount} files, ${megabytes(unpackedSize)} MB when unpacked`,
  );
}
