import type { JobDocument } from "./job-document.ts";

/** What a batch system is asked for; undefined where it or the site chooses. */
export interface Resources {
  readonly nodes: number | undefined;
  readonly tasks: number | undefined;
  readonly cpusPerTask: number | undefined;
  /** Of each host. */
  readonly memoryMebibytes: number | undefined;
  readonly walltimeMinutes: number | undefined;
  /** Slurm's partition, LSF's queue. */
  readonly queue: string | undefined;
  /** Slurm's account, LSF's project. */
  readonly account: string | undefined;
  readonly modules: readonly string[];
  /** Further lines of the batch script's head. */
  readonly lines: readonly string[];
  /** Shell lines before the job begins. */
  readonly before: readonly string[];
}

/** @throws nothing: the schema has been checked */
export function resourcesOf(document: JobDocument): Resources {
  const texts = (key: string): string[] => document.textsAt(["resources", key]);
  const text = (key: string): string | undefined => texts(key)[0];
  const count = (key: string): number | undefined => mapped(text(key), Number);
  return {
    nodes: count("nodes"),
    tasks: count("tasks"),
    cpusPerTask: count("cpus-per-task"),
    memoryMebibytes: mapped(text("memory"), mebibytesOf),
    walltimeMinutes: mapped(text("walltime"), minutesOf),
    queue: text("queue"),
    account: text("account"),
    modules: texts("modules"),
    lines: texts("lines"),
    before: texts("before"),
  };
}

const mapped = <From, To>(value: From | undefined, to: (value: From) => To): To | undefined =>
  value === undefined ? undefined : to(value);

const BYTES: Readonly<Record<string, number>> = {
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Rounded up: a host with less won't do. */
function mebibytesOf(text: string): number {
  const [, number, unit] = /^([\d.]+) ?(\w+)$/.exec(text)!;
  return Math.ceil((Number(number) * BYTES[unit!]!) / 2 ** 20);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** `90m`, `2h`, `1:30:00` or `1-12:00:00`, rounded up: batch systems count minutes. */
function minutesOf(text: string): number {
  const [, days = "0", hours, minutes, seconds] = /^(?:(\d+)-)?(\d+):(\d+):(\d+)$/.exec(text) ?? [];
  if (hours !== undefined)
    return (
      Number(days) * 1440 + Number(hours) * 60 + Number(minutes) + Math.ceil(Number(seconds) / 60)
    );
  const [, number, unit] = /^([\d.]+) ?(\w+)$/.exec(text)!;
  return Math.ceil((Number(number) * SECONDS[unit!]!) / 60);
}
