import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

/** So much of a file's start and of its end go into its fingerprint. */
const ENDS_BYTES = 64 * 1024;

/** What tells whether a file is still the one that was indexed. */
export interface Fingerprint {
  readonly sizeBytes: number;
  /** Nanoseconds since 1970; kept for people, not compared: copies have another. */
  readonly mtimeNs: bigint;
  /** Hexadecimal sha-256 over the first and the last 64 kB (all of a file shorter than both). */
  readonly ends: string;
}

export function fingerprintOf(path: string): Fingerprint {
  const fd = openSync(path, "r");
  try {
    const stats = fstatSync(fd, { bigint: true });
    const sizeBytes = Number(stats.size);
    const hash = createHash("sha256");
    hash.update(readAt(fd, 0, Math.min(ENDS_BYTES, sizeBytes)));
    const tail = Math.max(Math.min(ENDS_BYTES, sizeBytes), sizeBytes - ENDS_BYTES);
    hash.update(readAt(fd, tail, sizeBytes - tail));
    return { sizeBytes, mtimeNs: stats.mtimeNs, ends: hash.digest("hex") };
  } finally {
    closeSync(fd);
  }
}

/** Used again and again: a client looks at each of a thousand files when it opens them. */
const room = Buffer.alloc(ENDS_BYTES);

/** Gone with the next call. */
function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = room.subarray(0, length);
  let have = 0;
  while (have < length) {
    const got = readSync(fd, bytes, have, length - have, offset + have);
    if (got === 0) break;
    have += got;
  }
  return bytes.subarray(0, have);
}

/** What a file looks like from outside: it changes with every write to it. */
export type FileState = string & { readonly of: "file" };

/** Size, time of the last change, and which file it is; empty where there is none. */
export function fileState(path: string): FileState {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  const parts = stats && [stats.size, stats.mtimeNs, stats.ino];
  return (parts?.join(" ") ?? "") as FileState;
}
