import { readFileSync, statSync, writeFileSync } from "node:fs";
import { isEvbError } from "@evb/event";
import { readStorage, type DataSpace, type Hdf5, type Storage } from "@evb/formats";
import { checkedBlocks, checksumOf } from "./hdf5-bytes.ts";
import { SeededRandom } from "./random.ts";

/** Of each damaged file: most damage is to a few of its data sets. */
const TARGETS_READ = 5;
/** What a damaged file may take at most: issue 5 asks for 10 s; ours are small. */
const CASE_MS_MAX = 2000;

/** A data set as the library knows it while its file is whole. */
export interface StorageTarget {
  readonly at: Parameters<typeof readStorage>[0];
  readonly space: DataSpace;
}

/** All data sets in the root group. */
export function targetsIn({ h5, module }: Hdf5, path: string): StorageTarget[] {
  const file = new h5.File(path, "r");
  try {
    return file.keys().map((name) => {
      const { shape, maxshape, size } = module.get_dataset_metadata(file.file_id, name);
      const reference = Buffer.from(module.create_object_reference(file.file_id, name));
      const headerAddress = Number(reference.readBigUInt64LE());
      const limits = maxshape ?? shape ?? [];
      const maxShape = limits.map((most) => (most >= 2 ** 63 ? undefined : most));
      const space = { shape: shape ?? [], maxShape, elementBytes: size };
      return { at: { path, dataSet: name, headerAddress }, space };
    });
  } finally {
    file.close();
  }
}

/** Reads a storage that may be damaged: it must fail cleanly and soon, or lead to bytes that the file has. */
export function readDamaged({ at, space }: StorageTarget, what: string): "failed" | "read" {
  const begun = performance.now();
  try {
    const storage = readStorage(at, space);
    if (!isWithin(storage, statSync(at.path).size))
      throw new Error(`${what}: the storage of ${at.dataSet} leads out of the file`);
    return "read";
  } catch (thrown) {
    if (isEvbError(thrown) && thrown.tag === "hdf5-storage-damaged") return "failed";
    throw new Error(`${what}: ${at.dataSet} of ${at.path}`, { cause: thrown });
  } finally {
    const ms = performance.now() - begun;
    if (ms > CASE_MS_MAX) throw new Error(`${what}: ${at.dataSet} took ${ms.toFixed(0)} ms`);
  }
}

function isWithin(storage: Storage, fileBytes: number): boolean {
  if (storage.kind === "other") return true;
  if (storage.kind === "contiguous")
    return storage.address === undefined || storage.address + storage.bytes <= fileBytes;
  const { address, storedBytes, chunkBytes, grid } = storage;
  return (
    address.length === grid.reduce((product, n) => product * n, 1) &&
    address.every((from, row) => from + (storedBytes?.[row] ?? chunkBytes) <= fileBytes)
  );
}

/**
 * Damages a file in many ways, one after the other, and reads some of its data sets each time. In half of the cases the
 * damage is within a block with a checksum, which is made right again: what is behind the checksum is tried, too.
 */
export function fuzzStorage(
  hdf5: Hdf5,
  path: string,
  { seed, cases }: { seed: number; cases: number },
): { failed: number; read: number } {
  const random = new SeededRandom(seed);
  const targets = targetsIn(hdf5, path);
  const whole = readFileSync(path);
  const blocks = checkedBlocks(whole);
  const outcomes = { failed: 0, read: 0 };
  for (let number = 0; number < cases; number++) {
    const bytes = Buffer.from(whole);
    const sealed = blocks.length > 0 && random.below(2) === 0;
    const { start, end } = sealed
      ? blocks[random.below(blocks.length)]!
      : { start: 0, end: bytes.length };
    // Damage where nothing of interest is would try nothing: one byte of a thousand, or a few of a block.
    const count = sealed ? 1 + random.below(3) : Math.ceil(bytes.length / 1000);
    for (let i = 0; i < count; i++) bytes[start + random.below(end - start)] = byteOf(random);
    if (sealed) bytes.writeUInt32LE(checksumOf(bytes, start, end), end);
    writeFileSync(path, bytes);
    for (let i = 0; i < TARGETS_READ; i++) {
      const target = targets[random.below(targets.length)]!;
      outcomes[readDamaged(target, `seed ${String(seed)}, case ${String(number)}`)]++;
    }
  }
  writeFileSync(path, whole);
  return outcomes;
}

/** Extremes are likelier to do harm. */
const byteOf = (random: SeededRandom): number =>
  [0, 0xff, 0x7f, random.below(256), random.below(256)][random.below(5)]!;
