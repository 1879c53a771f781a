import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { DataFile, dataOffset, isItem, isRingFile, isV10, ReadWindows } from "@evb/formats";
import { faultOf } from "../support/faults.ts";
import { inFolder } from "../support/folder.ts";
import { SeededRandom } from "../support/random.ts";
import { RingBytes, TYPES, WRITERS } from "../support/ring-bytes.ts";

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

describe.each(WRITERS)("where data begin, %o", (writer) => {
  const ring = new RingBytes(writer);
  const v10 = writer.version === 10;
  const BODY = [1, 2, 3, 4, 5];
  const offset = (item: Buffer): number => dataOffset(viewOf(item), 0, item.length, v10);

  test("behind the body header, its extension included", () => {
    // 8 bytes of item header, 20 of body header; 10 has no body header.
    expect(offset(ring.physics({ stamp: 5n, source: 1 }, BODY))).toBe(v10 ? 8 : 28);
    expect(offset(ring.physics({ extension: [9, 9, 9, 9] }, BODY))).toBe(v10 ? 8 : 32);
  });

  test("behind the word that says there is no body header", () => {
    expect(offset(ring.physics(undefined, BODY))).toBe(v10 ? 8 : 12);
  });

  test("at the end where there are none", () => {
    const item = ring.physics({ stamp: 5n }, []);
    expect(offset(item)).toBe(item.length);
  });

  test("where the item stands in a larger view, and also for other types", () => {
    const item = ring.item(TYPES.PERIODIC_SCALERS + 0x8000, { stamp: 5n }, BODY);
    const view = viewOf(Buffer.concat([Buffer.alloc(3, 0xff), item]));
    expect(dataOffset(view, 3, item.length, v10)).toBe(v10 ? 8 : 28);
  });

  test("at the beginning of what is no ring item", () => {
    const text = Buffer.from("no ring item at all");
    expect([isItem(viewOf(text), 0, text.length), offset(text)]).toEqual([false, 0]);
    expect(dataOffset(viewOf(text), 0, 3, v10)).toBe(0);
  });

  test("at the item's word where that would lead out of the item", () => {
    const item = ring.physics({ stamp: 5n }, BODY);
    if (v10) return;
    ring.u32(1000).copy(item, 8);
    expect(offset(item)).toBe(12);
  });
});

test("a file is told by its content: whatever is neither HDF5 nor called so", () =>
  inFolder((folder) => {
    const written = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content, "latin1");
      return join(folder, name);
    };
    expect(isRingFile(written("a.evt", "anything"))).toBe(true);
    expect(isRingFile(written("b.evt", "\x89HDF\r\n\x1a\n"))).toBe(false);
    expect(isRingFile(written("c.h5", "anything"))).toBe(false);
    expect([isRingFile(join(folder, "none.evt")), isRingFile(join(folder, "none"))]).toEqual([
      true,
      false,
    ]);
  }));

test.each(WRITERS)("a stream says by its first file whether it is of NSCLDAQ 10, %o", (writer) =>
  inFolder((folder) => {
    const path = join(folder, "run.evt");
    writeFileSync(path, new RingBytes(writer).state("BEGIN_RUN", { run: 1 }));
    expect(isV10(path)).toBe(writer.version === 10);
  }),
);

describe("windows around small items", () => {
  const BYTES = 3_000_000;

  async function withFile(
    test: (file: DataFile, content: Uint8Array) => void | Promise<void>,
  ): Promise<void> {
    await inFolder(async (folder) => {
      const random = new SeededRandom(3);
      const words = Uint32Array.from({ length: BYTES / 4 }, () => random.u32());
      const path = join(folder, "data");
      writeFileSync(path, words);
      const file = new DataFile(path);
      try {
        await test(file, new Uint8Array(words.buffer));
      } finally {
        file.close();
      }
    });
  }

  test("give the bytes that are there, wherever and in whatever order they are asked for", () =>
    withFile((file, content) => {
      const random = new SeededRandom(4);
      const windows = new ReadWindows();
      const target = new Uint8Array(10_000);
      let at = 0;
      for (let n = 0; n < 5000; n++) {
        const size = random.below(300);
        // Mostly on and on, sometimes far away, sometimes a little back.
        const jump = random.below(20);
        if (jump === 0) at = random.below(BYTES - 300);
        else if (jump === 1) at = Math.max(0, at - random.below(500));
        if (at + size > BYTES) at = 0;
        windows.read(file, at, size, target, 7);
        expect(Buffer.compare(target.subarray(7, 7 + size), content.subarray(at, at + size))).toBe(
          0,
        );
        at += size + random.below(100);
      }
    }));

  test("read once what several sources take turns in", () =>
    withFile((file) => {
      const windows = new ReadWindows();
      const target = new Uint8Array(100);
      for (let at = 0; at < BYTES; at += 100) windows.read(file, at, 100, target, 0);
      // Once more is read what lies across the end of a window: one item in 64 kB.
      expect(file.bytesRead - BYTES).toBeLessThan(60 * 100);
    }));

  test("follow sources that lag behind each other, each with one of its own", () =>
    withFile((file) => {
      const windows = new ReadWindows();
      const target = new Uint8Array(100);
      const third = BYTES / 3;
      for (let at = 0; at < third; at += 100)
        for (const lag of [0, third, 2 * third]) windows.read(file, at + lag, 100, target, 0);
      // A window that goes on reads ahead, here into what another one has: at most 64 kB each.
      expect(file.bytesRead).toBeLessThan(BYTES + 3 * 2 ** 16);
    }));

  test("say where a file ends too early", () =>
    withFile(async (file) => {
      const windows = new ReadWindows();
      const fault = await faultOf(() => {
        windows.read(file, BYTES - 50, 100, new Uint8Array(100), 0);
      });
      expect(fault.tag).toBe("bytes-missing");
    }));
});
