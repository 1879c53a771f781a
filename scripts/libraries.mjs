// The libraries that lie beside the bundle: compiled code, WebAssembly, and what is loaded by `require` when there is a
// pattern or a job file; and what those need. With each what evb needs of it, once it is built: folders and files, for
// scripts/pack.mjs.
export const LIBRARIES = {
  zeromq: ["LICENSE.txt", "LICENSE_MPL-2.0.txt", "lib"],
  "cmake-ts": ["build/loader.js"],
  h5wasm: ["LICENSE.txt", "dist/node"],
  "@swc/wasm-typescript": ["LICENSE", "wasm.js"],
  picomatch: ["LICENSE", "index.js", "posix.js", "lib"],
  yaml: ["LICENSE", "dist"],
  ajv: ["LICENSE", "lib"],
  "fast-deep-equal": ["LICENSE", "index.js"],
  "fast-json-stable-stringify": ["LICENSE", "index.js"],
  "json-schema-traverse": ["LICENSE", "index.js"],
  "uri-js": ["LICENSE", "dist/es5"],
  punycode: ["LICENSE-MIT.txt", "punycode.js"],
};
