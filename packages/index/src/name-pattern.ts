import { createRequire } from "node:module";
import type picomatch from "picomatch";

/** A glob over names. The library is loaded when there is a pattern: most commands have none. */
export function namePattern(pattern: string): (name: string) => boolean {
  const match = createRequire(import.meta.url)("picomatch") as typeof picomatch;
  return match(pattern);
}
