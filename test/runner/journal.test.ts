import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { JournalReader, JournalWriter } from "@evb/runner";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { SeededRandom } from "../support/random.ts";
import { bytes, textOf } from "../support/run-links.ts";

/** Three records: payloads of 5, 0 and 11 bytes, each behind 24 bytes of head, padded to 8. */
function threeRecords(folder: string): string {
  const path = join(folder, "journal");
  const writer = new JournalWriter(path);
  writer.append("start", 0, bytes("start"));
  writer.append("schema", 0);
  writer.append("results", 7, bytes("two "), bytes("parts.."));
  writer.close();
  return path;
}
const SECOND_AT = 32;
const THIRD_AT = 56;
const END = 96;
const THREE = ["start 0 start", "schema 0 ", "results 7 two parts.."];

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Read {
  readonly records: readonly string[];
  readonly goodBytes: number;
  readonly restBytes: number;
}

function read(path: string): Read {
  const reader = new JournalReader(path);
  try {
    const records = [...lines(reader)];
    return { records, goodBytes: reader.goodBytes, restBytes: reader.restBytes };
  } finally {
    reader.close();
  }
}

function* lines(reader: JournalReader): Generator<string> {
  for (const record of reader.records())
    yield `${record.kind} ${String(record.rank)} ${textOf(reader.payload(record))}`;
}

/** Records that one life writes, one a flush. */
function write(writer: JournalWriter, ...texts: readonly string[]): void {
  for (const text of texts) {
    writer.append("results", 1, bytes(text));
    writer.flush();
  }
}

/** Descriptors of this process that are open on the file. */
function descriptorsOf(path: string): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${String(fd)}`) === path;
      } catch {
        // The one by which the folder itself was read.
        return false;
      }
    });
}

describe("a journal", () => {
  test("comes out as it went in", () =>
    inFolder((folder) => {
      const path = threeRecords(folder);
      expect(read(path)).toEqual({ records: THREE, goodBytes: END, restBytes: 0 });
    }));

  test("has these bytes", () =>
    inFolder((folder) => {
      const file = readFileSync(threeRecords(folder));
      expect(file.byteLength).toBe(END);
      // kind 3 | 11 bytes | rank 7 | life 1
      const head = "03000000" + "0b000000" + "07000000" + "01000000";
      expect(file.subarray(THIRD_AT, THIRD_AT + 16).toString("hex")).toBe(head);
      // crc-32 of the head so far and the payload
      const checked = Buffer.concat([Buffer.from(head, "hex"), Buffer.from("two parts..")]);
      expect(file.readUInt32LE(THIRD_AT + 16)).toBe(crc32(checked));
      // 0 | "two parts.." | 5 zeros
      expect(file.subarray(THIRD_AT + 20).toString("hex")).toBe(
        `00000000${Buffer.from("two parts..").toString("hex")}0000000000`,
      );
    }));

  test("that is torn in its last record ends before it, wherever it is torn", () =>
    inFolder((folder) => {
      const path = threeRecords(folder);
      for (let size = END - 1; size >= THIRD_AT; size--) {
        truncateSync(path, size);
        expect({ size, ...read(path) }).toEqual({
          size,
          records: THREE.slice(0, 2),
          goodBytes: THIRD_AT,
          restBytes: size - THIRD_AT,
        });
      }
    }));

  test("in which any bit is flipped ends before the record of that bit", () =>
    inFolder((folder) => {
      const path = threeRecords(folder);
      const file = readFileSync(path);
      for (let bit = 0; bit < 8 * END; bit++) {
        const flipped = Uint8Array.from(file);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(path, flipped);
        const whole = [SECOND_AT, THIRD_AT, END].filter((end) => end <= bit >> 3).length;
        const goodBytes = [0, SECOND_AT, THIRD_AT][whole]!;
        expect({ bit, ...read(path) }).toEqual({
          bit,
          records: THREE.slice(0, whole),
          goodBytes,
          restBytes: END - goodBytes,
        });
      }
    }));

  test("is read whole where records are larger than what is read at a time", () =>
    inFolder((folder) => {
      const path = join(folder, "journal");
      const random = new SeededRandom(5);
      // Blocks are of 2^20 bytes: around them, and several of them.
      const sizes = [3, 2 ** 20 - 25, 2 ** 20 - 24, 2 ** 20, 2 ** 20 + 1, 5_000_001, 0, 600_000];
      const payloads = [...sizes, ...sizes].map((size) => {
        const payload = new Uint8Array(size);
        for (let i = 0; i < size; i += 1 + random.below(1000)) payload[i] = random.below(256);
        return payload;
      });
      const writer = new JournalWriter(path);
      payloads.forEach((payload, i) => {
        writer.append("results", i, payload);
      });
      writer.close();
      const reader = new JournalReader(path);
      const found: number[] = [];
      for (const record of reader.records())
        found.push(Buffer.compare(reader.payload(record), payloads[record.rank]!));
      expect(found).toEqual(payloads.map(() => 0));
      // Later, too, in any order.
      const places = random.shuffled([...reader.records()]);
      for (const place of places)
        expect(Buffer.compare(reader.payload(place), payloads[place.rank]!)).toBe(0);
      reader.close();
      // The sixth is checked to its end, piece by piece.
      const file = readFileSync(path);
      const at = places.find(({ rank }) => rank === 5)!.offset;
      file[at + 5_000_000]! ^= 1;
      writeFileSync(path, file);
      expect(read(path).records).toHaveLength(5);
    }));

  test("names where a payload was damaged after it was found", () =>
    inFolder(async (folder) => {
      const path = threeRecords(folder);
      const reader = new JournalReader(path);
      const [, , third] = [...reader.records()];
      reader.close();
      const file = readFileSync(path);
      file[END - 8]! ^= 1;
      writeFileSync(path, file);
      const later = new JournalReader(path);
      const fault = await faultOf(() => later.payload(third!));
      later.close();
      expect(fault).toMatchObject({ tag: "journal-damaged", exitCode: 1 });
      expect(fault.message).toBe(
        `the journal ${path} is damaged at byte ${String(THIRD_AT + 24)}: its checksum is wrong`,
      );
    }));

  test("is never written over", () =>
    inFolder(async (folder) => {
      const path = threeRecords(folder);
      const fault = await faultOf(() => new JournalWriter(path));
      expect(fault).toMatchObject({ tag: "journal-failed", exitCode: 1 });
      expect(read(path).records).toHaveLength(3);
    }));

  test("holds 5000 records of one flush, more than one write takes", () =>
    inFolder((folder) => {
      const path = join(folder, "journal");
      const writer = new JournalWriter(path);
      for (let i = 0; i < 5000; i++) writer.append("results", i, bytes(String(i)));
      writer.flush();
      expect(read(path).records.at(-1)).toBe("results 4999 4999");
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

  test("takes nothing more once it is closed", () =>
    inFolder(async (folder) => {
      const path = join(folder, "journal");
      const writer = new JournalWriter(path);
      writer.close();
      writer.close();
      writer.flush();
      writer.append("end", 0);
      const fault = await faultOf(() => {
        writer.flush();
      });
      expect(fault).toMatchObject({ tag: "journal-failed" });
      expect(fault.message).toContain("it is closed");
    }));
});

describe("the disk", () => {
  test("is waited for beside the thread, once at a time, and not for nothing", () =>
    inFolder(async (folder) => {
      const path = join(folder, "journal");
      const writer = new JournalWriter(path);
      await writer.sync();
      write(writer, "one");
      const done: string[] = [];
      const syncs = ["first", "second", "third"].map((name) =>
        writer.sync().then(() => done.push(name)),
      );
      expect(done).toEqual([]);
      write(writer, "two");
      await Promise.all(syncs);
      expect(done).toEqual(["first", "second", "third"]);
      writer.close();
      expect(read(path).records).toEqual(["results 1 one", "results 1 two"]);
    }));

  test("is waited for on a file that stays open until then, though the journal is closed", () =>
    inFolder(async (folder) => {
      const path = join(folder, "journal");
      const writer = new JournalWriter(path);
      write(writer, "one");
      const sync = writer.sync();
      writer.append("end", 0);
      writer.close();
      expect(descriptorsOf(path)).toHaveLength(1);
      expect(read(path).records).toEqual(["results 1 one", "end 0 "]);
      await sync;
      expect(descriptorsOf(path)).toEqual([]);
      await writer.sync();
    }));

  test("that refuses ends the journal for good", () =>
    inFolder(async (folder) => {
      const path = join(folder, "journal");
      const writer = new JournalWriter(path);
      write(writer, "one");
      // A broken disk: the descriptor is gone.
      closeSync(descriptorsOf(path)[0]!);
      const fault = await faultOf(() => writer.sync());
      expect(fault).toMatchObject({ tag: "journal-failed", exitCode: 1 });
      expect(await faultOf(() => writer.sync())).toBe(fault);
      expect(
        await faultOf(() => {
          writer.flush();
        }),
      ).toBe(fault);
    }));

  test("that is full keeps what was there, and the journal goes on when there is room", () =>
    inFolder((folder) => {
      const path = join(folder, "journal");
      // Files of this process get no longer than 8 KiB; a write there takes what fits, as on a full disk.
      const program = `
        import { JournalWriter } from "@evb/runner";
        const writer = new JournalWriter(process.argv[1]);
        let written = 0;
        const tries = [];
        for (let i = 0; i < 7; i++) {
          writer.append("results", i, new Uint8Array(1500));
          try { writer.flush(); written++; } catch (thrown) { tries.push(thrown.tag); }
        }
        console.log(JSON.stringify({ written, tries }));`;
      const { stdout } = spawnSync(
        "bash",
        [
          "-c",
          `trap "" XFSZ; ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"`,
          process.execPath,
          program,
          path,
        ],
        { cwd: ROOT, encoding: "utf8", timeout: 30_000 },
      );
      // A record takes 24 + 1504 bytes: of the sixth the first 552 fit.
      expect(JSON.parse(stdout)).toEqual({
        written: 5,
        tries: ["journal-failed", "journal-failed"],
      });
      expect(read(path)).toMatchObject({ goodBytes: 5 * 1528, restBytes: 552 });
      const writer = JournalWriter.resume(path, { keepBytes: 5 * 1528, life: 2 });
      writer.append("resume", 0);
      writer.close();
      expect(read(path)).toMatchObject({ goodBytes: 5 * 1528 + 24, restBytes: 0 });
    }));
});

describe("a journal that is resumed", () => {
  test("loses its torn end and goes on behind what is kept", () =>
    inFolder((folder) => {
      const path = threeRecords(folder);
      appendFileSync(path, "half a record");
      expect(read(path)).toMatchObject({ goodBytes: END, restBytes: 13 });
      const writer = JournalWriter.resume(path, { keepBytes: END, life: 2 });
      expect(statSync(path).size).toBe(END);
      writer.append("resume", 0, bytes("me"));
      writer.append("end", 0);
      writer.close();
      const { records, restBytes } = read(path);
      expect(records).toEqual([...THREE, "resume 0 me", "end 0 "]);
      expect(restBytes).toBe(0);
    }));

  test("ignores what a former coordinator writes that was frozen, and keeps its own", () =>
    inFolder((folder) => {
      const path = join(folder, "journal");
      const former = new JournalWriter(path);
      write(former, "one");
      const second = JournalWriter.resume(path, { keepBytes: statSync(path).size, life: 2 });
      second.append("resume", 0, bytes("second"));
      write(second, "two");
      write(former, "late", "later");
      write(second, "three");
      const third = JournalWriter.resume(path, { keepBytes: statSync(path).size, life: 3 });
      third.append("resume", 0, bytes("third"));
      write(third, "four");
      write(second, "late");
      write(former, "latest");
      for (const writer of [former, second, third]) writer.close();
      expect(read(path)).toEqual({
        records: [
          "results 1 one",
          "resume 0 second",
          "results 1 two",
          "results 1 three",
          "resume 0 third",
          "results 1 four",
        ],
        goodBytes: statSync(path).size,
        restBytes: 0,
      });
    }));

  test("isn't gone on with where another process wrote meanwhile", () =>
    inFolder(async (folder) => {
      const path = join(folder, "journal");
      const former = new JournalWriter(path);
      write(former, "one");
      const second = JournalWriter.resume(path, { keepBytes: statSync(path).size, life: 2 });
      write(former, "awake");
      second.append("resume", 0);
      const fault = await faultOf(() => {
        second.flush();
      });
      expect(fault).toMatchObject({ tag: "journal-failed" });
      expect(fault.message).toContain("another process writes to it, too");
      former.close();
      expect(read(path).records).toEqual(["results 1 one", "results 1 awake"]);
    }));

  test("ends before a record of a life that nobody began", () =>
    inFolder((folder) => {
      const path = threeRecords(folder);
      const writer = JournalWriter.resume(path, { keepBytes: END, life: 2 });
      write(writer, "whose?");
      writer.close();
      expect(read(path)).toMatchObject({ records: THREE, goodBytes: END });
    }));

  test.each([
    ["that is missing", "none", 0],
    ["that is shorter than what is to be kept", "journal", END + 8],
  ])("isn't made of one %s", (_, name, keepBytes) =>
    inFolder(async (folder) => {
      threeRecords(folder);
      const path = join(folder, name);
      const fault = await faultOf(() => JournalWriter.resume(path, { keepBytes, life: 2 }));
      expect(fault).toMatchObject({ tag: "journal-failed", exitCode: 1 });
      expect(readdirSync(folder)).toEqual(["journal"]);
      expect(statSync(join(folder, "journal")).size).toBe(END);
    }),
  );
});
