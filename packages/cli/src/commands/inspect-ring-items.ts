import { createHash } from "node:crypto";
import {
  itemTypeName,
  NULL_STAMP,
  RingReader,
  throwDamage,
  type Fragment,
  type RingItem,
} from "@evb/formats";
import { printLines } from "../terminal.ts";
import { itemText } from "./item-text.ts";

/**
 * Lists a ring-item file's items, one after another: for people, or a JSON object a line.
 *
 * @throws EvbError "ring-…" at the first damage, behind the items before it
 */
export async function listRingItems(
  path: string,
  { json }: { readonly json: boolean },
): Promise<void> {
  const file = new RingReader(path);
  try {
    await printLines(linesOf(file, json ? jsonLine : itemText));
  } finally {
    file.close();
  }
}

function* linesOf(
  file: RingReader,
  linesOfItem: (item: RingItem) => Iterable<string>,
): Generator<string> {
  for (const item of file.items(throwDamage)) yield* linesOfItem(item);
}

function* jsonLine(item: RingItem): Generator<string> {
  const { number, offset, head, event } = item;
  const line = {
    item: number,
    offset,
    size: head.size,
    type: typeOf(head.type),
    time: timeOf(head.header?.stamp),
    source: head.header?.source ?? null,
    barrier: head.header?.barrier ?? null,
  };
  if (event?.kind !== "built") {
    yield JSON.stringify(line);
    return;
  }
  const view = item.bytes();
  const fragments = event.fragments.map((fragment) => fragmentJson(view, fragment));
  yield JSON.stringify({ ...line, fragments });
}

const typeOf = (type: number): string | number => itemTypeName(type) ?? type;

const timeOf = (stamp: bigint | undefined): string | null =>
  stamp === undefined || stamp === NULL_STAMP ? null : String(stamp);

/** `type` is null where the payload is no ring item. */
function fragmentJson(
  view: DataView,
  { stamp, source, barrier, at, size, head }: Fragment,
): object {
  const payload = new Uint8Array(view.buffer, view.byteOffset + at, size);
  return {
    time: timeOf(stamp),
    source,
    barrier,
    size,
    type: head === undefined ? null : typeOf(head.type),
    sha1: createHash("sha1").update(payload).digest("hex"),
  };
}
