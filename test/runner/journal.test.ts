import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { JournalReader, JournalWriter } from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { bytes, textOf } from "../support/run-links.ts";

/** Three records: payloads of 5, 0 and 11 bytes, each behind 16 bytes of head, padded to 8. */
function threeRecords(folder: string): string {
  const path = join(folder, "journal");
  const writer = new JournalWriter(path);
  writer.append("start", 0, bytes("start"));
  writer.append("schema", 0);
  writer.append("results", 7, bytes("two "), bytes("parts.."));
  writer.close();
  return path;
}
const SECOND_AT = 24;
const THIRD_AT = 40;
const END = 72;

function recordsOf(path: string): string[] {
  const reader = new JournalReader(path);
  try {
    return [...reader.records()].map(
      (record) => `${record.kind} ${String(record.rank)} ${textOf(reader.payload(record))}`,
    );
  } finally {
    reader.close();
  }
}

describe("a journal", () => {
  test("comes out as it went in", () =>
    inFolder((folder) => {
      expect(recordsOf(threeRecords(folder))).toEqual([
        "start 0 start",
        "schema 0 ",
        "results 7 two parts..",
      ]);
    }));

  test("has these bytes", () =>
    inFolder((folder) => {
      const file = readFileSync(threeRecords(folder));
      expect(file.byteLength).toBe(END);
      // kind 3 | 11 bytes | rank 7 | crc-32 | "two parts.." | 5 zeros
      expect(file.subarray(THIRD_AT, THIRD_AT + 12).toString("hex")).toBe(
        "030000000b00000007000000",
      );
      expect(file.readUInt32LE(THIRD_AT + 12)).toBe(crc32("two parts.."));
      expect(file.subarray(THIRD_AT + 16).toString("hex")).toBe(
        `${Buffer.from("two parts..").toString("hex")}0000000000`,
      );
    }));

  test("that is torn in its last record ends before it, wherever it is torn", () =>
    inFolder((folder) => {
      const path = threeRecords(folder);
      // The payload ends at 67; what follows it is padding.
      for (let size = THIRD_AT + 16 + 11 - 1; size > THIRD_AT; size--) {
        truncateSync(path, size);
        expect({ size, records: recordsOf(path).length }).toEqual({ size, records: 2 });
      }
    }));

  test("whose padding is torn is whole", () =>
    inFolder((folder) => {
      const path = threeRecords(folder);
      truncateSync(path, END - 5);
      expect(recordsOf(path)).toHaveLength(3);
    }));

  test.each([
    ["a byte of a payload", THIRD_AT + 16 + 3, THIRD_AT + 16, "its checksum is wrong"],
    ["the checksum itself", THIRD_AT + 12, THIRD_AT + 16, "its checksum is wrong"],
    ["the kind", SECOND_AT, SECOND_AT, "there is no record of kind 253"],
  ])("names where it is damaged: %s", (_, at, offset, reason) =>
    inFolder(async (folder) => {
      const path = threeRecords(folder);
      const file = readFileSync(path);
      file[at]! ^= 0xff;
      writeFileSync(path, file);
      const fault = await faultOf(() => recordsOf(path));
      expect(fault).toMatchObject({ tag: "journal-damaged", exitCode: 1 });
      expect(fault.message).toBe(
        `the journal ${path} is damaged at byte ${String(offset)}: ${reason}`,
      );
    }),
  );

  test("is never written over", () =>
    inFolder(async (folder) => {
      const path = threeRecords(folder);
      const fault = await faultOf(() => new JournalWriter(path));
      expect(fault).toMatchObject({ tag: "journal-failed", exitCode: 1 });
      expect(recordsOf(path)).toHaveLength(3);
    }));

  test("holds 5000 records of one flush, more than one write takes", () =>
    inFolder((folder) => {
      const path = join(folder, "journal");
      const writer = new JournalWriter(path);
      for (let i = 0; i < 5000; i++) writer.append("results", i, bytes(String(i)));
      writer.flush();
      expect(recordsOf(path).at(-1)).toBe("results 4999 4999");
      writer.close();
    }));

  test("writes nothing before a flush", () =>
    inFolder((folder) => {
      const path = join(folder, "journal");
      const writer = new JournalWriter(path);
      writer.append("start", 0, bytes("start"));
      expect(readFileSync(path).byteLength).toBe(0);
      writer.close();
      expect(readFileSync(path).byteLength).toBe(SECOND_AT);
    }));
});
