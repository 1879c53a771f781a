// Compiles chunk-kernels.ts and writes src/hdf5/filters/kernels-wasm.ts, which is kept in git: who builds evb needs no compiler
// for WebAssembly, and a test compares the two.
//
//   node packages/formats/kernels/compile.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const SOURCE = "chunk-kernels.ts";
const OPTIONS = ["-O3", "--noAssert", "--runtime", "stub", "--use", "abort=", "--enable", "simd"];

/** The WebAssembly module, as base64. */
export async function compileKernels() {
  let wasm;
  const { error, stderr } = await asc.main([SOURCE, ...OPTIONS, "-o", "kernels.wasm"], {
    readFile: (name) =>
      name === SOURCE ? readFileSync(new URL(SOURCE, import.meta.url), "utf8") : null,
    writeFile: (_name, content) => {
      wasm = content;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return Buffer.from(wasm).toString("base64");
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(
    new URL("../src/hdf5/filters/kernels-wasm.ts", import.meta.url),
    `/** Made from kernels/chunk-kernels.ts by kernels/compile.mjs. */\nexport const KERNELS_BASE64 =\n  "${await compileKernels()}";\n`,
  );
