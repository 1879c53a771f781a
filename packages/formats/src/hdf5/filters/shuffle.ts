import { loadKernels, type Kernels } from "./kernels.ts";
import type { MakeStage } from "./stage.ts";

/**
 * Filter 2: planes of bytes, the first ones of all elements first; what is no whole element stands behind them as it is.
 * Source: H5Zshuffle.c of HDF5.
 */
export const makeShuffle: MakeStage = (clientData, shape) => {
  const elementBytes = clientData[0] ?? shape.elementBytes;
  if (elementBytes < 1) return undefined;
  const kernels = loadKernels();
  return {
    stored: "as many",
    undo(input) {
      const bytes = input.length;
      if (elementBytes === 1 || bytes < 2 * elementBytes) return input;
      const from = kernels.place(input);
      const to = kernels.take(bytes);
      unshuffle(kernels, { from, to, bytes, elementBytes });
      return kernels.view(to, bytes);
    },
  };
};

/** One block; what is no whole element is copied. */
export function unshuffle(
  kernels: Kernels,
  block: { from: number; to: number; bytes: number; elementBytes: number },
): void {
  const { from, to, bytes, elementBytes } = block;
  const elements = Math.floor(bytes / elementBytes);
  kernels.run.unshuffle(from, to, elements, elementBytes);
  const whole = elements * elementBytes;
  kernels.copy(to + whole, from + whole, bytes - whole);
}
