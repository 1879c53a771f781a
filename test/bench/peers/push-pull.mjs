// What zeromq.js can do with one message a lease, and nothing else: PULLERS MESSAGES → {"seconds", "cpuSeconds"}. One process pushes
// messages of 24 bytes to the pullers over loopback TCP, to each on a socket of its own, and gets one back for each,
// also by PUSH and PULL; 64 are under way to every puller; CURVE as in evb. Every puller is a process.
import { fork } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HERE } from "../support.mjs";

// The one that evb uses.
const zmq = createRequire(join(HERE, "../../packages/runner/package.json"))("zeromq");

const MESSAGE_BYTES = 24;
const UNDER_WAY = 64;
/** Synchronous sends, and none that is dropped: credits bound what waits. */
const SENDING = { sendTimeout: 0, sendHighWaterMark: 0, linger: 0 };
const TAKING = { receiveHighWaterMark: 0, linger: 0 };
const IS_PULLER = process.send !== undefined;

if (IS_PULLER) process.once("message", (given) => void pull(given));
else await push(...process.argv.slice(2).map(Number));

async function push(pullers, messages) {
  const [server, client] = [zmq.curveKeyPair(), zmq.curveKeyPair()];
  const secured = {
    curveServer: true,
    curvePublicKey: server.publicKey,
    curveSecretKey: server.secretKey,
  };
  const results = new zmq.Pull({ ...TAKING, ...secured });
  await results.bind("tcp://127.0.0.1:*");
  const lanes = [];
  for (let lane = 0; lane < pullers; lane++) {
    // The first message waits until its puller is there.
    const socket = new zmq.Push({ ...SENDING, ...secured, sendTimeout: -1 });
    await socket.bind("tcp://127.0.0.1:*");
    const puller = fork(fileURLToPath(import.meta.url));
    puller.once("exit", (code) => {
      // Its messages never come back.
      if (code !== 0) process.exit(1);
    });
    const security = {
      curveServerKey: server.publicKey,
      curvePublicKey: client.publicKey,
      curveSecretKey: client.secretKey,
    };
    puller.send({ work: socket.lastEndpoint, results: results.lastEndpoint, security });
    const message = Buffer.alloc(MESSAGE_BYTES);
    message.writeUInt32LE(lane);
    lanes.push({ socket, message, puller });
  }
  await Promise.all(lanes.map(({ socket, message }) => socket.send(message)));
  for (let back = 0; back < pullers; back++) await results.receive();

  let sent = 0;
  const sendNext = ({ socket, message }) => {
    if (sent === messages) return;
    sent++;
    void socket.send(message);
  };
  for (const { socket } of lanes) socket.sendTimeout = 0;
  const [begun, cpuBefore] = [performance.now(), process.cpuUsage()];
  for (let n = 0; n < UNDER_WAY; n++) lanes.forEach(sendNext);
  for (let back = 0; back < messages; back++) {
    const [message] = await results.receive();
    sendNext(lanes[message.readUInt32LE()]);
  }
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6 }));
  for (const { socket, puller } of lanes) {
    puller.disconnect();
    socket.close();
  }
  results.close();
}

/** Ends with the process that pushes, however that ends. */
async function pull({ work, results, security }) {
  process.once("disconnect", () => process.exit());
  const [pulled, pushed] = [
    new zmq.Pull({ ...TAKING, ...security }),
    new zmq.Push({ ...SENDING, ...security }),
  ];
  pulled.connect(work);
  pushed.connect(results);
  for await (const [message] of pulled) void pushed.send(message);
}
