// Reads OUT/journal by docs/journal-format.md and docs/protocol.md, without evb's code: what it says
// is held against what the coordinator says.
import { closeSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

const HEAD_BYTES = 24;
/** Of the head, the checksum covers so many. */
const HEAD_CHECKED_BYTES = 16;
const RESULT_HEAD_BYTES = 8;
const FRAME_HEAD_BYTES = 24;
const RESULTS = 3;
const EPOCH = 4;
const RESUME = 6;
/** What a file system writes at once. */
const PAGE_BYTES = 4096;
/** How a loss of power leaves what had not come to the disk. */
export const LOSSES = ["cut", "cut at a record", "zeros", "a page of zeros"];

/**
 * Whole records that count: those of a life that is over are left out behind the next one's `resume`.
 *
 * @typedef {{ kind: number, of: number, offset: number, payload: Buffer }} Record
 * @param {string} path
 * @returns {{ records: Record[], stale: Record[], bytes: number, endBytes: number }} stale: those that
 * are left out; bytes of the file, and where it ends
 */
function readJournal(path) {
  const file = readFileSync(path);
  const [records, stale] = [[], []];
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
    if (kind === RESUME && of > life) life = of;
    (of === life ? records : stale).push({ kind, of, offset, payload });
    offset = end;
  }
  return { records, stale, bytes: file.length, endBytes: offset };
}

/**
 * How often each event is in a result and in an epoch.
 *
 * @param {string} path @param {number} events @param {number} [beforeLife] that found it so; else all
 */
export function countEvents(path, events, beforeLife = Infinity) {
  const [results, epochs] = [new Uint16Array(events), new Uint16Array(events)];
  const records = readJournal(path).records.filter(({ of }) => of < beforeLife);
  for (const { kind, payload } of records)
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

/** Records of a life that another had taken over from. @param {string} path */
export const countStale = (path) => readJournal(path).stale.length;

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

/**
 * Takes what was written lately, or a part of it, as a loss of power leaves a file that the disk was
 * asked for some time before. Its first record says what run this is, and stays.
 *
 * @param {string} path
 * @param {{ keptBytes: number, loss: string, random: import("./random.mjs").Random }} order keptBytes:
 * what the disk has for sure; loss: one of {@link LOSSES}
 */
export function loseTail(path, { keptBytes, loss, random }) {
  const { records, bytes } = readJournal(path);
  if (records.length < 2) return;
  const first = Math.max(keptBytes, records[1].offset);
  if (first >= bytes) return;
  const at = random.whole(first, bytes - 1);
  if (loss === "cut") truncateSync(path, at);
  else if (loss === "cut at a record")
    truncateSync(path, records.find(({ offset }) => offset >= at)?.offset ?? bytes);
  else if (loss === "zeros") fillZeros(path, at, bytes);
  else {
    const page = at - (at % PAGE_BYTES);
    fillZeros(path, Math.max(first, page), Math.min(bytes, page + PAGE_BYTES));
  }
}

function fillZeros(path, first, end) {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(end - first), 0, end - first, first);
  closeSync(fd);
}
