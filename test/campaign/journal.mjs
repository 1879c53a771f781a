// Reads OUT/journal by docs/journal-format.md and docs/protocol.md, without evb's code: what it says
// is held against what the coordinator says.
import { readFileSync, truncateSync } from "node:fs";
import { crc32 } from "node:zlib";

const HEAD_BYTES = 24;
/** Of the head, the checksum covers so many. */
const HEAD_CHECKED_BYTES = 16;
const RESULT_HEAD_BYTES = 8;
const FRAME_HEAD_BYTES = 24;
const RESULTS = 3;
const EPOCH = 4;
const RESUME = 6;

/**
 * Whole records that count: those of a life that is over are left out behind the next one's `resume`.
 *
 * @typedef {{ kind: number, offset: number, payload: Buffer }} Record
 * @param {string} path
 * @returns {{ records: Record[], bytes: number, endBytes: number }} bytes of the file, and where it ends
 */
function readJournal(path) {
  const file = readFileSync(path);
  const records = [];
  let offset = 0;
  let life = 1;
  while (offset + HEAD_BYTES <= file.length) {
    const [kind, bytes, , of, crc] = Array.from({ length: 5 }, (_, word) =>
      file.readUInt32LE(offset + 4 * word),
    );
    const payload = file.subarray(offset + HEAD_BYTES, offset + HEAD_BYTES + bytes);
    const head = file.subarray(offset, offset + HEAD_CHECKED_BYTES);
    const end = offset + HEAD_BYTES + 8 * Math.ceil(bytes / 8);
    if (end > file.length || crc32(payload, crc32(head)) !== crc) break;
    if (kind === RESUME && of === life + 1) life = of;
    if (of === life) records.push({ kind, offset, payload });
    offset = end;
  }
  return { records, bytes: file.length, endBytes: offset };
}

/**
 * How often each event is in a result and in an epoch.
 *
 * @param {string} path @param {number} events
 */
export function countEvents(path, events) {
  const [results, epochs] = [new Uint16Array(events), new Uint16Array(events)];
  for (const { kind, payload } of readJournal(path).records)
    if (kind === RESULTS)
      addRanges(results, payload.subarray(RESULT_HEAD_BYTES), { width: 16, firstAt: 4 });
    else if (kind === EPOCH) addRanges(epochs, payload, { width: 8, firstAt: 0 });
  return { results, epochs };
}

function addRanges(counts, frame, { width, firstAt }) {
  const ranges = frame.readUInt32LE(16);
  for (let range = 0; range < ranges; range++) {
    const at = FRAME_HEAD_BYTES + range * width + firstAt;
    const first = frame.readUInt32LE(at);
    const end = first + frame.readUInt32LE(at + 4);
    for (let event = first; event < end; event++) counts[event]++;
  }
}

/**
 * Cuts a part of the last record off, as a loss of power in the middle of a write leaves it.
 *
 * @param {string} path @param {import("./random.mjs").Random} random
 */
export function tearJournal(path, random) {
  const { records, bytes, endBytes } = readJournal(path);
  // A killed coordinator may have torn it by itself. Its first record says what run this is, and stays.
  if (endBytes < bytes || records.length < 2) return;
  truncateSync(path, random.whole(records.at(-1).offset + 1, bytes - 1));
}
