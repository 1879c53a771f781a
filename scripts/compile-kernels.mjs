// Compiles the kernels that are written in AssemblyScript and writes the modules that hold them as base64, which are kept in
// git: who builds evb needs no compiler for WebAssembly, and tests compare the two.
//
//   node scripts/compile-kernels.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

/** By source, the module that is made from it. */
export const KERNELS = {
  "packages/analysis/kernels/stats-kernels.ts": "packages/analysis/src/builtin/kernels-wasm.ts",
  "packages/formats/kernels/chunk-kernels.ts": "packages/formats/src/hdf5/filters/kernels-wasm.ts",
};
const OPTIONS = ["-O3", "--noAssert", "--runtime", "stub", "--use", "abort=", "--enable", "simd"];
const inTree = (path) => new URL(`../${path}`, import.meta.url);

/** The WebAssembly module, as base64. */
export async function compileKernels(path) {
  const source = basename(path);
  let wasm;
  const { error, stderr } = await asc.main([source, ...OPTIONS, "-o", "kernels.wasm"], {
    readFile: (name) => (name === source ? readFileSync(inTree(path), "utf8") : null),
    writeFile: (_name, content) => {
      wasm = content;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return Buffer.from(wasm).toString("base64");
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [source, target] of Object.entries(KERNELS))
    writeFileSync(
      inTree(target),
      `/** Made from kernels/${basename(source)} by scripts/compile-kernels.mjs. */\nexport const KERNELS_BASE64 =\n  "${await compileKernels(source)}";\n`,
    );
