const STEPS = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
] as const;

/** `1.65 GB`: decimal units, three digits. */
export function bytesText(bytes: number): string {
  for (const [size, unit] of STEPS)
    if (bytes >= size) return `${(bytes / size).toPrecision(3)} ${unit}`;
  return `${String(Math.round(bytes))} bytes`;
}

/** `0.42 s`, `12.3 s`, `3 min 5 s`. */
export function secondsText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 7200) return `${String(Math.floor(whole / 60))} min ${String(whole % 60)} s`;
  return `${String(Math.floor(whole / 3600))} h ${String(Math.floor((whole % 3600) / 60))} min`;
}

/** `12,345`. By hand: the first call of toLocaleString loads the tables of all languages, 25 ms of a command's start. */
export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** `1 event`, `2 events`. */
export const counted = (count: number, noun: string): string =>
  `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
