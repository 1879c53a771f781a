import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { connectionIn } from "./out-folder.ts";
import { refuseLiveRun } from "./wire/connection-file.ts";

/**
 * What is said to be written may be in the memory of a host only that has gone down since: then it
 * is written anew.
 */
export async function forgetOtherBoot(folder: string): Promise<void> {
  const path = join(folder, "boot");
  if (!existsSync(path) || readFileSync(path, "utf8") === bootId()) return;
  // It may be on, on another host.
  await refuseLiveRun(connectionIn(folder));
  rmSync(folder, { recursive: true, force: true });
}

/** For a later {@link forgetOtherBoot}. */
export function keepBoot(folder: string): void {
  writeFileSync(join(folder, "boot"), bootId());
}

function bootId(): string {
  try {
    return `${hostname()} ${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}`;
  } catch {
    return hostname();
  }
}
