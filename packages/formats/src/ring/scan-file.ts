import { fault } from "../faults.ts";
import { FileBytes } from "./file-bytes.ts";
import { ITEM_HEADER_BYTES, isLittleEndian } from "./head.ts";
import { behindDamage, resynchroniseBefore } from "./resynchronise.ts";
import { ITEM_TYPE } from "./item-type.ts";
import { BLOCK_BYTES, ReadAhead } from "./read-ahead.ts";
import { RingRows } from "./rows.ts";
import { newFound } from "./scan-found.ts";
import { BlockScanner, rowsMax, type Damage } from "./scan.ts";
import { isV10File } from "./version.ts";

/** Bytes of a file that belong to no item. */
export interface Skipped {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  /** How many items of the file came before, so its number. */
  readonly item: number;
  readonly reason: string;
}

export interface ScanFileOrder {
  readonly path: string;
  /** Row of the inputs' files. */
  readonly file: number;
  /** Where the file begins, in the bytes of all inputs. */
  readonly base: number;
  /** Of all inputs: tells how much room rows will need. */
  readonly bytesOfAll: number;
  /** Whether damage is skipped; else it is an error. */
  readonly salvage: boolean;
  /** Ends it early. */
  readonly signal: AbortSignal | undefined;
  /** Of the file that this one continues; undefined: it is the first. */
  readonly v10: boolean | undefined;
}

export interface ScannedFile {
  readonly items: number;
  readonly v10: boolean;
  /** Of its first item; undefined where it has none. */
  readonly bigEndian: boolean | undefined;
  readonly skipped: readonly Skipped[];
}

/**
 * Scans one file, from its beginning to its end, into the scanner's rows.
 *
 * @throws EvbError "ring-unreadable", "ring-empty", "ring-scan-stopped", and "ring-damaged" with file, byte
 * offset and item number
 */
export async function scanRingFile(
  scanner: BlockScanner,
  rows: RingRows,
  order: ScanFileOrder,
): Promise<ScannedFile> {
  const file = new FileBytes(order.path);
  const ahead = new ReadAhead(file);
  try {
    if (file.sizeBytes === 0) throw fault("ring-empty", { path: order.path });
    const v10 = order.v10 ?? isV10File(file);
    scanner.beginFile(order.file, { v10 });
    const skipped = await scanItems({ file, ahead }, scanner, rows, { ...order, v10 });
    return { items: scanner.item, v10, bigEndian: scanner.firstIsBigEndian, skipped };
  } finally {
    await ahead.close();
    file.close();
  }
}

async function scanItems(
  { file, ahead }: { readonly file: FileBytes; readonly ahead: ReadAhead },
  scanner: BlockScanner,
  rows: RingRows,
  order: ScanFileOrder & { readonly v10: boolean },
): Promise<Skipped[]> {
  const { path, base, bytesOfAll, salvage, signal, v10 } = order;
  const skipped: Skipped[] = [];
  let at = 0;
  /** Where the last item begins that was taken, with nothing left out behind it. */
  let lastAt: number | undefined;
  let wanted = BLOCK_BYTES;
  while (at < file.sizeBytes) {
    if (signal?.aborted === true)
      throw fault("ring-scan-stopped", { path, at, of: file.sizeBytes });
    // What is larger than a block is read at once.
    const next = wanted > BLOCK_BYTES ? undefined : await ahead.view(at);
    const view = next ?? file.view(at, wanted);
    const length = view.byteLength;
    rows.reserve(rowsMax(length), { read: base + at, all: bytesOfAll });
    const { used, damage: found, last } = scanner.take(view, base + at);
    if (last !== undefined) lastAt = at + last;
    const size = used === length ? 0 : sizeAt(view, used);
    const rest = file.sizeBytes - at - used;
    const damage = found ?? (rest === 0 ? undefined : cutOff(size, { at: used, rest }));
    wanted = Math.max(BLOCK_BYTES, size);
    if (damage === undefined) {
      at += used;
      continue;
    }
    const where = damage.at === used ? "" : ` (at byte ${String(at + damage.at)})`;
    let place = { path, offset: at + used, item: scanner.item, reason: damage.reason + where };
    // What begins like this, with no item anywhere behind, isn't damaged but of another kind.
    const isOther = found !== undefined && place.offset === 0;
    if (isOther && behindDamage(file, 0, v10) === file.sizeBytes)
      throw fault("ring-no-items", { path });
    if (!salvage) throw fault("ring-damaged", place);
    const within = lastAt === undefined ? undefined : brokenItem(file, lastAt, place.offset, v10);
    let behind = within;
    if (within !== undefined) {
      scanner.takeBack();
      const reason = "its size leads to no other item";
      place = { path, offset: lastAt!, item: scanner.item, reason };
    }
    behind ??= behindDamage(file, place.offset, v10);
    skipped.push({ ...place, bytes: behind - place.offset });
    lastAt = undefined;
    at = behind;
    wanted = BLOCK_BYTES;
  }
  return skipped;
}

/**
 * Where items go on within an item whose size led to damage: then it is the one that is damaged.
 * Undefined where none do.
 */
function brokenItem(
  file: FileBytes,
  item: number,
  damage: number,
  v10: boolean,
): number | undefined {
  const within = resynchroniseBefore(file, { from: item + 1, until: damage }, v10);
  return within < damage ? within : undefined;
}

/** What an item that isn't whole in a block says of its size; 0 where not even that is there. */
function sizeAt(view: DataView, at: number): number {
  if (view.byteLength - at < ITEM_HEADER_BYTES) return 0;
  return view.getUint32(at, isLittleEndian(view, at));
}

/** Whether the file ends inside the item at `at`. */
function cutOff(size: number, { at, rest }: { at: number; rest: number }): Damage | undefined {
  if (rest < ITEM_HEADER_BYTES)
    return { at, reason: `the file ends ${String(rest)} bytes into the item's header` };
  if (size <= rest) return undefined;
  const reason = `the item says it has ${String(size)} bytes, and the file ends after ${String(rest)}`;
  return { at, reason };
}

/**
 * The run number of the first BEGIN_RUN in a file's first megabyte; undefined where there is none, or
 * damage comes before.
 *
 * @throws EvbError "ring-unreadable"
 */
export function firstBegin(path: string): number | undefined {
  const file = new FileBytes(path);
  try {
    const rows = new RingRows();
    const found = newFound();
    const scanner = new BlockScanner(rows, found, { depth: 0, stampAt: undefined });
    scanner.beginFile(0, { v10: file.sizeBytes > 0 && isV10File(file) });
    const view = file.view(0, BLOCK_BYTES);
    rows.reserve(rowsMax(view.byteLength), { read: view.byteLength, all: view.byteLength });
    scanner.take(view, 0);
    return found.states.find(({ type }) => type === ITEM_TYPE.BEGIN_RUN)?.runNumber;
  } finally {
    file.close();
  }
}
