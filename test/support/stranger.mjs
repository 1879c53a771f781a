// Somebody at a coordinator's ports who doesn't belong there: node stranger.mjs CONNECTION WAY COUNT
//
//   no-key, wrong-key   say what a client says, COUNT times, without the run's keys
//   garbage             has the run's keys, and says COUNT random things on each socket
//   crowd               has the run's keys, and joins as COUNT clients that never say hello
//
// Ends by itself and prints how many welcomes came.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { encodeJoin, newKeyPair, ZeromqClientLink } from "@evb/runner";

const [path, way, text] = process.argv.slice(2);
const count = Number(text);
const { hosts, joinPort, resultsPort, security, run } = JSON.parse(readFileSync(path, "utf8"));

const keys = {
  "no-key": () => undefined,
  "wrong-key": async () => ({ ...security, client: await newKeyPair() }),
  garbage: () => security,
  crowd: () => security,
};
const link = await ZeromqClientLink.open({
  host: hosts[0],
  joinPort,
  resultsPort,
  security: await keys[way](),
});
let [welcomes, heard] = [0, false];
link.listen({
  heard: () => (heard = true),
  unheard: () => (heard = false),
  welcome: () => welcomes++,
  lane: () => undefined,
  refused: () => undefined,
});

const join = () =>
  encodeJoin({
    nonce: randomBytes(16).toString("hex"),
    host: "nowhere",
    pid: 7,
    evb: "0.1.0",
    run,
  });
/** Some begin as messages do. */
function garbage() {
  const bytes = randomBytes(Math.ceil(3000 * Math.random() ** 3));
  if (Math.random() < 0.5) bytes[0] = [16, 17, 18, 19, 20, 21][Math.floor(6 * Math.random())];
  if (Math.random() < 0.5 && bytes.length > 1) bytes[1] = 1 + Math.floor(2 * Math.random());
  return new Uint8Array(bytes);
}

// Without keys nobody hears it: it talks, then, as long as a handshake would take.
for (let waited = 0; !heard && waited < 1500; waited += 50) await setTimeout(50);
for (let said = 0; said < count; said++) {
  if (way === "garbage") {
    link.join(garbage());
    link.publish([garbage()]);
    link.publish([garbage(), garbage()]);
  } else link.join(join());
  if (said % 20 === 19) await setTimeout(5);
}
await setTimeout(1000);
console.log(welcomes);
link.close(0);
process.exit(0);
