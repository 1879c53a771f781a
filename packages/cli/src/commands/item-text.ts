import {
  decodeBody,
  itemTypeName,
  NULL_STAMP,
  type Fragment,
  type ItemBody,
  type RingItem,
} from "@evb/formats";
import { COLUMNS } from "../columns.ts";

/** Words of 16 bits in a line, as NSCLDAQ's dumper has them. */
const WORDS_PER_LINE = 8;
const RULE = "-".repeat(60);

/** A ring item for people, as lines: what it is, what its body says, data as words of 16 bits. */
export function* itemText(item: RingItem): Generator<string> {
  const { number, offset, head, event, v10 } = item;
  yield RULE;
  yield `item ${String(number)} at byte ${String(offset)}: ${nameOf(head.type)}, ${String(head.size)} bytes`;
  if (head.header === undefined) yield "  no body header";
  else {
    const { stamp, source, barrier, bytes } = head.header;
    const extension = bytes > 20 ? `, ${String(bytes - 20)} bytes more` : "";
    yield `  ${headerText({ stamp, source, barrier })}${extension}`;
  }
  const view = item.bytes();
  if (event?.kind === "built") yield* fragmentLines(view, event, head.littleEndian);
  else yield* bodyLines(view, item, decodeBody(view, head, v10));
}

const nameOf = (type: number): string => itemTypeName(type) ?? `type ${String(type)}`;

const headerText = (of: { stamp: bigint; source: number; barrier: number }): string =>
  `time stamp ${of.stamp === NULL_STAMP ? "none" : String(of.stamp)}, source ${String(of.source)}, barrier ${String(of.barrier)}`;

/** Of the outermost level; of a fragment that is built itself, what it holds at any depth. */
function* fragmentLines(
  view: DataView,
  event: { readonly fragments: readonly Fragment[]; readonly leaves: readonly Fragment[] },
  little: boolean,
): Generator<string> {
  let leaf = 0;
  for (const [k, fragment] of event.fragments.entries()) {
    const end = fragment.at + fragment.size;
    yield* fragmentHead(fragment, `fragment ${String(k)}`, "  ");
    for (; leaf < event.leaves.length && event.leaves[leaf]!.at < end; leaf++) {
      const inner = event.leaves[leaf]!;
      const nested = inner.at !== fragment.at;
      if (nested) yield* fragmentHead(inner, "holds", "    ");
      const body = inner.at + (inner.head?.bodyOffset ?? 0);
      const bytes = { at: body, end: inner.at + inner.size, little };
      yield* wordLines(view, bytes, nested ? "      " : "    ");
    }
  }
}

function* fragmentHead(fragment: Fragment, what: string, indent: string): Generator<string> {
  const { head, size } = fragment;
  const name = head === undefined ? "no ring item" : nameOf(head.type);
  yield `${indent}${what}: ${name}, ${String(size)} bytes`;
  yield `${indent}  ${headerText(fragment)}`;
}

function* bodyLines(view: DataView, { head }: RingItem, body: ItemBody): Generator<string> {
  const little = head.littleEndian;
  switch (body.kind) {
    case "state change":
      yield `  run ${String(body.run)}, ${offsetText(body, body.offset)}`;
      yield `  ${clockText(body)}`;
      yield* folded(`title: ${body.title}`);
      return;
    case "text":
      yield `  ${String(body.strings.length)} strings, ${offsetText(body, body.offset)}`;
      yield `  ${clockText(body)}`;
      for (const string of body.strings) yield* folded(string);
      return;
    case "scalers":
      yield* scalerLines(body);
      return;
    case "event count":
      yield `  ${String(body.events)} events, ${offsetText(body, body.offset)}`;
      yield `  ${clockText(body)}`;
      return;
    case "format":
      yield `  version ${String(body.major)}.${String(body.minor)}`;
      return;
    case "glom":
      yield `  ${body.building ? "building" : "not building"}, window ${String(body.windowTicks)} ticks, time stamp ${body.policy}`;
      return;
    case "fragment":
      yield `  fragment: ${headerText(body)}`;
      yield* wordLines(view, { at: body.payloadOffset, end: head.size, little }, "  ");
      return;
    case "unreadable":
      yield `  (${body.reason})`;
      yield* wordLines(view, { at: head.bodyOffset, end: head.size, little }, "  ");
      return;
    case "bytes":
      yield* wordLines(view, { at: head.bodyOffset, end: head.size, little }, "  ");
      return;
  }
}

interface Timed {
  readonly divisor: number | undefined;
  readonly unixTime: number;
  readonly originalSource: number | undefined;
}

const seconds = (offset: number, divisor: number | undefined): string =>
  String(divisor === undefined || divisor === 0 ? offset : offset / divisor);

const clockText = ({ unixTime, originalSource }: Timed): string => {
  const source =
    originalSource === undefined ? "" : `, source ${String(originalSource)} originally`;
  return `${new Date(unixTime * 1000).toISOString().replace(".000", "")}${source}`;
};

const offsetText = (body: Timed, offset: number): string =>
  `${seconds(offset, body.divisor)} s into the run`;

function* scalerLines(body: Extract<ItemBody, { kind: "scalers" }>): Generator<string> {
  const { begin, end, divisor, incremental, stamp, values } = body;
  const stamped = stamp === undefined ? "" : `time stamp ${String(stamp)}, `;
  yield `  ${stamped}${seconds(begin, divisor)} to ${seconds(end, divisor)} s into the run`;
  yield `  ${clockText(body)}`;
  yield `  ${String(values.length)} scalers, ${incremental ? "incremental" : "not incremental"}`;
  for (let at = 0; at < values.length; at += SCALERS_PER_LINE) {
    const line = [...values.subarray(at, at + SCALERS_PER_LINE)];
    yield `  ${line.map((value) => String(value).padStart(10)).join(" ")}`;
  }
}

const SCALERS_PER_LINE = 6;

/** A line of someone's text: without what terminals obey, and folded to their width. */
function* folded(text: string): Generator<string> {
  const plain = text.replaceAll(/\p{Cc}/gu, "·");
  for (let at = 0; at === 0 || at < plain.length; at += COLUMNS - 4)
    yield `${at === 0 ? "  " : "    "}${plain.slice(at, at + COLUMNS - 4)}`;
}

/** Words in the item's byte order, and a byte that may be left over. */
function* wordLines(
  view: DataView,
  { at, end, little }: { at: number; end: number; little: boolean },
  indent: string,
): Generator<string> {
  for (let line = at; line < end; line += 2 * WORDS_PER_LINE) {
    const words: string[] = [];
    for (let k = line; k < Math.min(end, line + 2 * WORDS_PER_LINE); k += 2)
      words.push(
        k + 1 < end
          ? view.getUint16(k, little).toString(16).padStart(4, "0")
          : view.getUint8(k).toString(16).padStart(2, "0"),
      );
    yield `${indent}${words.join(" ")}`;
  }
}
