import type { DataFile } from "../hdf5/rows/data-file.ts";
import { JOINED_BYTES_MAX, JOINED_GAP_BYTES_MAX } from "../hdf5/rows/read-window.ts";

/** A source that lags behind the others, and each further file, takes a window of its own. */
const WINDOWS_MAX = 8;

interface Window {
  file: DataFile | undefined;
  begin: number;
  end: number;
  bytes: Uint8Array;
  usedAt: number;
}

/**
 * Bytes around small ring items, of all sources of some files together: the fragments of an event lie side by
 * side where a builder wrote them. Where reads follow each other nearly, more and more is read at a time.
 */
export class ReadWindows {
  readonly #windows: Window[] = [];
  #last: Window | undefined;
  #clock = 0;

  /**
   * Copies bytes of a file to `target` at `at`.
   *
   * @throws EvbError "bytes-missing", "bytes-unreadable"
   */
  read(file: DataFile, position: number, size: number, target: Uint8Array, at: number): void {
    const last = this.#last;
    const window =
      last !== undefined && holds(last, file, position, size)
        ? last
        : this.#find(file, position, size);
    const from = position - window.begin;
    target.set(window.bytes.subarray(from, from + size), at);
  }

  #find(file: DataFile, position: number, size: number): Window {
    const windows = this.#windows;
    const window =
      windows.find((each) => holds(each, file, position, size)) ??
      this.#filled(
        windows.find((each) => isNext(each, file, position)),
        file,
        position,
        size,
      );
    window.usedAt = ++this.#clock;
    this.#last = window;
    return window;
  }

  /** @param known it goes on with this one; undefined: it begins anew, and reads nothing but what is wanted */
  #filled(known: Window | undefined, file: DataFile, position: number, size: number): Window {
    const window = known ?? this.#free();
    const wanted = known === undefined ? size : Math.min(JOINED_BYTES_MAX, 2 * heldBy(window));
    // What the file doesn't have isn't asked for, but for the item's own bytes: the caller must hear of those.
    const bytes = Math.max(size, Math.min(wanted, file.sizeBytes - position));
    if (window.bytes.length < bytes) window.bytes = new Uint8Array(roundedUp(bytes));
    // Nothing is kept of a read that fails.
    window.file = undefined;
    file.read(window.bytes.subarray(0, bytes), position);
    window.file = file;
    window.begin = position;
    window.end = position + bytes;
    return window;
  }

  /** A new one, or the one that wasn't used for the longest time. */
  #free(): Window {
    const windows = this.#windows;
    if (windows.length === WINDOWS_MAX)
      return windows.reduce((oldest, each) => (each.usedAt < oldest.usedAt ? each : oldest));
    const window = { file: undefined, begin: 0, end: 0, bytes: new Uint8Array(0), usedAt: 0 };
    windows.push(window);
    return window;
  }
}

const holds = (
  { file: own, begin, end }: Window,
  file: DataFile,
  position: number,
  size: number,
): boolean => own === file && position >= begin && position + size <= end;

const isNext = ({ file: own, begin, end }: Window, file: DataFile, position: number): boolean =>
  own === file && position >= begin && position <= end + JOINED_GAP_BYTES_MAX;

const heldBy = ({ begin, end }: Window): number => end - begin;

/** Windows double: then memory is taken a few times, not at each step. */
const roundedUp = (bytes: number): number =>
  Math.max(bytes, Math.min(JOINED_BYTES_MAX, 2 ** Math.ceil(Math.log2(bytes))));
