/** What random numbers are drawn for. Each purpose has its own stream, so that one more draw here moves nothing there. */
const PURPOSES = { stamps: 1, labels: 2, presence: 3, order: 4, noise: 5 } as const;

/** One stream of random numbers: the same seed, purpose and file give the same numbers on every machine. */
export interface Random {
  /** Uniform, 0 … 2^32 − 1. */
  next(): number;
  /** A whole number, 0 … `end − 1`, uniform but for `end` / 2^32; `end` ≤ 2^32. */
  below(end: number): number;
  /** True with this probability: never for 0, always for 1. */
  chance(share: number): boolean;
}

/**
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand 0.95, public domain): 128 bits of state, of which 32 count,
 * so no stream is shorter than 2^32; it passes PractRand to 2^45 bytes. 32-bit integer arithmetic only.
 *
 * @param seed 0 … 2^53 − 1
 * @param file number of the file that the stream is for, or 0 for what belongs to the whole run
 */
export function randomOf(seed: number, purpose: keyof typeof PURPOSES, file = 0): Random {
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32);
  let c = (PURPOSES[purpose] << 24) | file;
  let counter = 1;
  const next = (): number => {
    const drawn = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + drawn) | 0;
    return drawn >>> 0;
  };
  for (let round = 0; round < MIXING_ROUNDS; round++) next();
  return {
    next,
    below: (end) => Math.floor((next() / 2 ** 32) * end),
    chance: (share) => next() < share * 2 ** 32,
  };
}

/** PractRand takes 12 before the first number of sfc32 that counts; seeds here differ in few bits, so take some more. */
const MIXING_ROUNDS = 20;
