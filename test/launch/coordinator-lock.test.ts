import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { contend, CoordinatorLock, holderOf, LockWatch, type Holder } from "@evb/launch";
import { ROOT } from "../support/system.ts";

const CONTENDERS = 8;
let folder: string;
let path: string;
const contenders: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evb-lock-"));
  path = join(folder, "out.lock");
});
afterEach(() => {
  for (const child of contenders.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** As a process that died left it: on a host of its own, so that only its silence says so. */
function abandonedLock(change: Partial<Holder> = {}): Holder {
  const holder: Holder = {
    nonce: "00000000-0000-4000-8000-000000000000",
    job: "before",
    host: "another-host",
    pid: 7,
    begun: "123",
    time: "2026-11-20T00:00:00.000Z",
    beat: 5,
    released: false,
    ...change,
  };
  writeFileSync(path, JSON.stringify(holder));
  return holder;
}

/** Its next line. */
const line = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.stdout!.once("data", (text: Buffer) => {
      resolve(text.toString().trim());
    });
  });

async function contest(): Promise<string[]> {
  const script = join(ROOT, "test/launch/contender.mjs");
  const children = Array.from({ length: CONTENDERS }, () =>
    spawn(process.execPath, [script, path], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  contenders.push(...children);
  await Promise.all(children.map(line));
  const answers = children.map(line);
  for (const child of children) child.stdin.write("go\n");
  return Promise.all(answers);
}

describe("of many processes at once, one gets", () => {
  test("a lock that nobody has", async () => {
    const answers = await contest();
    expect(answers.filter((answer) => answer === "won")).toHaveLength(1);
  });

  test("the lock of one that is gone, and nothing is left beside it", async () => {
    const before = abandonedLock();
    const answers = await contest();
    expect(answers.filter((answer) => answer === "won")).toHaveLength(1);
    expect(holderOf(path)?.nonce).not.toBe(before.nonce);
    expect(readdirSync(folder)).toEqual(["out.lock"]);
  });
});

describe("a lock", () => {
  test("is gone when its holder has released it", () => {
    const lock = CoordinatorLock.take(path, "job", undefined)!;
    expect(holderOf(path)).toMatchObject({ job: "job", pid: process.pid, beat: 0 });
    lock.beat();
    expect(holderOf(path)?.beat).toBe(1);
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is not given to who comes too late with an old one in mind", () => {
    const old = abandonedLock();
    CoordinatorLock.take(path, "job", old)!.release();
    const current = CoordinatorLock.take(path, "job", undefined)!;
    expect(CoordinatorLock.take(path, "job", old)).toBeUndefined();
    expect(current.isOurs).toBe(true);
  });

  test("that was replaced is not its holder's any more, who leaves the new one alone", () => {
    const frozen = CoordinatorLock.take(path, "job", undefined)!;
    const current = CoordinatorLock.take(path, "job", holderOf(path))!;
    expect(frozen.isOurs).toBe(false);
    frozen.beat();
    frozen.release();
    expect(current.isOurs).toBe(true);
    expect(holderOf(path)?.beat).toBe(0);
  });

  test("of one that died while it replaced another one is its own", () => {
    const first = abandonedLock();
    const second = { ...first, nonce: "11111111-1111-4111-8111-111111111111" };
    writeFileSync(`${path}.${first.nonce}`, JSON.stringify(second));
    expect(holderOf(path)?.nonce).toBe(second.nonce);
    expect(CoordinatorLock.take(path, "job", first)).toBeUndefined();
    const lock = CoordinatorLock.take(path, "job", holderOf(path))!;
    expect(lock.isOurs).toBe(true);
  });
});

describe("the holder of a lock", () => {
  const connection = (): string => join(folder, "connection.json");

  test("is gone when it neither beats nor answers for ten seconds", async () => {
    abandonedLock();
    const watch = new LockWatch(path, connection());
    expect(await watch.look(0)).toMatchObject({ isGone: false });
    expect(await watch.look(9_999)).toMatchObject({ isGone: false });
    expect(await watch.look(10_000)).toMatchObject({ isGone: true });
  });

  test("lives as long as it beats", async () => {
    abandonedLock();
    const watch = new LockWatch(path, connection());
    await watch.look(0);
    abandonedLock({ beat: 6 });
    expect(await watch.look(10_000)).toMatchObject({ isGone: false });
    expect(await watch.look(20_000)).toMatchObject({ isGone: true });
  });

  test("on this host is gone as soon as its process is", async () => {
    CoordinatorLock.take(path, "job", undefined);
    const { host, begun } = holderOf(path)!;
    abandonedLock({ host, pid: 2 ** 22 + 1, begun });
    expect(await new LockWatch(path, connection()).look(0)).toMatchObject({ isGone: true });
  });

  test("of another job is left alone while it lives, and named", async () => {
    const lock = CoordinatorLock.take(path, "theirs", undefined)!;
    const beating = setInterval(() => {
      lock.beat();
    }, 100);
    const claim = { path, connection: connection(), job: "ours" };
    const refused = contend(claim, { shared: true }, new AbortController().signal);
    try {
      await expect(refused).rejects.toThrow(/out\.lock is held by job theirs \(process \d+ on /);
    } finally {
      clearInterval(beating);
    }
    expect(lock.isOurs).toBe(true);
  });

  test("of the same job is the coordinator", async () => {
    CoordinatorLock.take(path, "ours", undefined);
    const claim = { path, connection: connection(), job: "ours" };
    const holder = await contend(claim, { shared: true }, new AbortController().signal);
    expect(holder).toMatchObject({ job: "ours", pid: process.pid });
  });
});

test("the lock's folder is made where there is none", () => {
  const deep = join(folder, "a/b/out.lock");
  CoordinatorLock.take(deep, "job", undefined)!.release();
  expect(existsSync(join(folder, "a/b"))).toBe(true);
});
