// `node -e 0`, COUNT times at once: the seconds from the first start to each one's end, as a JSON list.
import { spawn } from "node:child_process";

const [count] = process.argv.slice(2).map(Number);
const begun = performance.now();
const ends = Array.from({ length: count }, () => {
  const child = spawn(process.execPath, ["-e", "0"], { stdio: "ignore" });
  return new Promise((resolve) => {
    child.once("exit", () => resolve((performance.now() - begun) / 1000));
  });
});
console.log(JSON.stringify(await Promise.all(ends)));
