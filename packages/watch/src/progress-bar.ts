import { secondsText } from "./units.ts";

/** Where a bar is drawn; `process.stderr` is one. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Redrawn so often at most: a terminal over a slow line is not flooded. */
const REDRAW_MS = 100;
const BAR_CELLS_MAX = 30;

/** One line that is drawn again and again, with rate and time left; nothing where there is no terminal. */
export class ProgressBar {
  readonly #terminal: Terminal;
  readonly #label: string;
  readonly #rate: (perSecond: number) => string;
  readonly #now: () => number;
  readonly #begunMs: number;
  #drawnMs = -Infinity;
  #drawn = false;

  /** @param rate how a speed is written, for example `1.2 GB/s` */
  constructor(
    terminal: Terminal,
    label: string,
    rate: (perSecond: number) => string,
    now: () => number = () => performance.now(),
  ) {
    this.#terminal = terminal;
    this.#label = label;
    this.#rate = rate;
    this.#now = now;
    this.#begunMs = now();
  }

  /** @param done of `total`, in the rate's unit */
  show(done: number, total: number): void {
    const now = this.#now();
    if (this.#terminal.isTTY !== true || (now - this.#drawnMs < REDRAW_MS && done < total)) return;
    this.#drawnMs = now;
    this.#drawn = true;
    this.#terminal.write(
      `\r${progressLine({
        label: this.#label,
        done,
        total,
        seconds: (now - this.#begunMs) / 1000,
        columns: this.#terminal.columns ?? 80,
        rate: this.#rate,
      })}\u001b[K`,
    );
  }

  /** Takes the line away, so that what is printed next stands alone. */
  clear(): void {
    if (this.#drawn) this.#terminal.write("\r\u001b[K");
    this.#drawn = false;
  }
}

/** The bar's text, no wider than the terminal. */
export function progressLine(state: {
  label: string;
  done: number;
  total: number;
  seconds: number;
  columns: number;
  rate: (perSecond: number) => string;
}): string {
  const { label, done, total, seconds, columns, rate } = state;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const perSecond = seconds > 0 ? done / seconds : 0;
  const left = perSecond > 0 ? `${secondsText((total - done) / perSecond)} left` : "";
  const percent = `${String(Math.floor(100 * share)).padStart(3)} %`;
  const text = [percent, perSecond > 0 ? rate(perSecond) : "", left].filter(Boolean).join("  ");
  const room = Math.min(BAR_CELLS_MAX, columns - label.length - text.length - 6);
  if (room < 5) return `${label} ${text}`.slice(0, columns - 1);
  const full = Math.round(share * room);
  return `${label} [${"#".repeat(full)}${"-".repeat(room - full)}] ${text}`;
}
