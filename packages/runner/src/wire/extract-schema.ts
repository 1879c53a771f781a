import type { ResultSchema } from "@evb/analysis";

/** Rows of the event columns: which file a part's record is in, and where. */
export const [SESSION, SID, OFFSET, BYTES] = [0, 1, 2, 3];
/** Row of the totals. */
export const ROWS = 0;

/** What comes back of parts of an extract: where their records are, see client/part-file.ts; and how many rows were asked for. */
export const extractSchema: ResultSchema = {
  eventColumns: [
    { name: "session", type: "u4" },
    { name: "sid", type: "u4" },
    { name: "offset", type: "u8" },
    { name: "bytes", type: "u8" },
  ],
  fragmentColumns: [],
  totals: [{ name: "rows", type: "f8", length: 1 }],
};
