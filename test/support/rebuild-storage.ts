import { closeSync, openSync, readSync } from "node:fs";
import { inflateSync } from "node:zlib";
import type { ChunkedStorage, Storage, StoredFilter } from "@evb/formats";

const GZIP = 1;
const SHUFFLE = 2;
const FLETCHER32 = 3;

/** A data set's bytes, in C order and as stored, put together from where its storage says they are: element by element. */
export function rebuild(
  storage: Exclude<Storage, { kind: "other" }>,
  { shape, elementBytes }: { shape: readonly number[]; elementBytes: number },
): Buffer {
  const elements = shape.reduce((product, n) => product * n, 1);
  const fill = storage.fill ?? new Uint8Array(elementBytes);
  const whole = Buffer.alloc(elements * elementBytes, fill);
  const fd = openSync(storage.path, "r");
  try {
    if (storage.kind === "chunked") placeChunks(fd, storage, { shape, elementBytes }, whole);
    else if (storage.address !== undefined) readAt(fd, storage.address, whole);
  } finally {
    closeSync(fd);
  }
  return whole;
}

function placeChunks(
  fd: number,
  storage: ChunkedStorage,
  { shape, elementBytes }: { shape: readonly number[]; elementBytes: number },
  whole: Buffer,
): void {
  const { chunk, grid, address } = storage;
  for (let row = 0; row < address.length; row++) {
    if (address[row] === -1) continue;
    const cells = decodedChunk(fd, storage, row, elementBytes);
    const corner = coordinates(row, grid).map((n, d) => n * chunk[d]!);
    for (let cell = 0; cell < cells.length / elementBytes; cell++) {
      const place = coordinates(cell, chunk).map((n, d) => n + corner[d]!);
      if (place.some((n, d) => n >= shape[d]!)) continue;
      const to = place.reduce((at, n, d) => at * shape[d]! + n, 0);
      cells.copy(whole, to * elementBytes, cell * elementBytes, (cell + 1) * elementBytes);
    }
  }
}

/** Of a cell in C order. */
export function coordinates(number: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  let rest = number;
  for (const n of shape.toReversed()) {
    place.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return place;
}

function decodedChunk(
  fd: number,
  { address, storedBytes, filterMask, filters, chunkBytes }: ChunkedStorage,
  row: number,
  elementBytes: number,
): Buffer {
  let bytes: Buffer = Buffer.alloc(storedBytes?.[row] ?? chunkBytes);
  readAt(fd, address[row]!, bytes);
  const mask = filterMask?.[row] ?? 0;
  for (let i = filters.length - 1; i >= 0; i--)
    if ((mask & (1 << i)) === 0) bytes = decoded(filters[i]!, bytes, elementBytes);
  if (bytes.length !== chunkBytes)
    throw new Error(`chunk ${String(row)} has ${String(bytes.length)} bytes`);
  return bytes;
}

function decoded({ id, clientData }: StoredFilter, bytes: Buffer, elementBytes: number): Buffer {
  if (id === GZIP) return inflateSync(bytes);
  if (id === SHUFFLE) return unshuffled(bytes, clientData[0] ?? elementBytes);
  if (id === FLETCHER32) return bytes.subarray(0, -4);
  throw new Error(`filter ${String(id)} is none of these tests'`);
}

function unshuffled(bytes: Buffer, width: number): Buffer {
  const result = Buffer.from(bytes);
  const count = Math.floor(bytes.length / width);
  for (let byte = 0; byte < width; byte++)
    for (let i = 0; i < count; i++) result[i * width + byte] = bytes[byte * count + i]!;
  return result;
}

function readAt(fd: number, offset: number, target: Buffer): void {
  const got = readSync(fd, target, 0, target.length, offset);
  if (got !== target.length) throw new Error(`${String(got)} of ${String(target.length)} bytes`);
}
