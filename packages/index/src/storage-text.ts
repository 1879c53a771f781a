import { NOWHERE, type RowLayout } from "@evb/formats";
import type { SourceStorage } from "./direct-storage.ts";

/** A layout as the index has it, one line of JSON; or why the library reads the source. */
export function storageText(storage: SourceStorage): string {
  if (storage.kind === "library") return JSON.stringify({ library: storage.reason });
  const { bigEndian, chunk, address, filters, fill, ring } = storage.layout;
  return JSON.stringify({
    ...(ring && { ring }),
    ...(bigEndian && { bigEndian }),
    ...(chunk === undefined ? { address } : { chunk }),
    ...(filters.length > 0 && {
      filters: filters.map(({ id, clientData }) => [id, ...clientData]),
    }),
    ...(fill && { fill: Buffer.from(fill).toString("hex") }),
  });
}

/** @param source what the index says of it besides; @throws SyntaxError where it is damaged */
export function parseStorage(
  text: string,
  source: Pick<RowLayout, "itemShape" | "elementBytes" | "halves">,
): RowLayout | undefined {
  const found = JSON.parse(text) as {
    library?: string;
    bigEndian?: boolean;
    chunk?: number[];
    address?: number;
    filters?: [number, ...number[]][];
    fill?: string;
    ring?: { v10: boolean };
  };
  if (found.library !== undefined) return undefined;
  const { bigEndian = false, chunk, address = NOWHERE, filters = [], fill, ring } = found;
  return {
    ...source,
    bigEndian,
    chunk,
    address,
    filters: filters.map(([id, ...clientData]) => ({ id, clientData })),
    fill: fill === undefined ? undefined : Uint8Array.from(Buffer.from(fill, "hex")),
    ...(ring && { ring }),
  };
}

/** Of the library's part, what was the matter; undefined where rows are read where they lie. */
export const libraryReasonIn = (text: string): string | undefined =>
  (JSON.parse(text) as { library?: string }).library;
