// One process of the match benchmark: FOLDER PREFIX → {"cold", "warm" (seconds), "stamps", "found"}.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { disorderOf, matchExact } from "../../packages/event/dist/mod.js";

const CALLS = 9;
const [folder, prefix] = process.argv.slice(2);
const load = (name) => {
  const bytes = readFileSync(join(folder, name));
  return new BigUint64Array(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  );
};
let fragmentFirst = 0;
const sources = Array.from({ length: 10 }, (_, s) => {
  const times = load(`${prefix}${s}.u64`);
  const source = { times, fragmentFirst };
  fragmentFirst += times.length;
  return source;
});
const wanted = load("wanted.u64");
// The scan counts it while it reads; numpy's kernel takes order for granted, too.
const begunCheck = performance.now();
for (const source of sources) source.disorder = disorderOf(source.times);
const check = (performance.now() - begunCheck) / 1000;
const seconds = [];
let found = 0;
for (let call = 0; call < CALLS; call++) {
  const begun = performance.now();
  const match = matchExact(sources, wanted, "any");
  seconds.push((performance.now() - begun) / 1000);
  found = match.fragment.length;
}
const warm = seconds.slice(2).sort((a, b) => a - b)[(CALLS - 2) >> 1];
console.log(JSON.stringify({ check, cold: seconds[0], warm, stamps: fragmentFirst, found }));
