/** Numbers from a seed (mulberry32, Tommy Ettinger, public domain), so that a run's plan can be had again. */
export class Random {
  #state;

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, and without, 1. */
  share() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @param {number} low @param {number} high */
  between(low, high) {
    return low + (high - low) * this.share();
  }

  /** A whole number, both bounds included. @param {number} low @param {number} high */
  whole(low, high) {
    return low + Math.floor((high - low + 1) * this.share());
  }

  /** @param {number} probability */
  chance(probability) {
    return this.share() < probability;
  }

  /** @template Value @param {readonly Value[]} values @returns {Value} */
  pick(values) {
    return values[this.whole(0, values.length - 1)];
  }

  /** Others, of their own: what is drawn from them changes nothing here. */
  fork() {
    return new Random(this.whole(0, 2 ** 32 - 1));
  }

  /** A name, each as often as its weight says. @param {Readonly<Record<string, number>>} weights */
  weighted(weights) {
    const names = Object.keys(weights);
    let left = this.share() * names.reduce((sum, name) => sum + weights[name], 0);
    return names.find((name) => (left -= weights[name]) < 0) ?? names.at(-1);
  }
}
