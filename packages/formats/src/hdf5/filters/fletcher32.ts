import { loadKernels } from "./kernels.ts";
import { damaged, type MakeStage } from "./stage.ts";

const SUM_BYTES = 4;

/**
 * Filter 3: the bytes, then their sum, u32 little-endian. Sums by HDF5 before 1.6.3 on little-endian machines have the
 * bytes of both halves swapped; HDF5 takes these for right, too, and so do we. Source: H5Zfletcher32.c of HDF5.
 */
export const makeFletcher32: MakeStage = () => {
  const kernels = loadKernels();
  return {
    stored: "4 more",
    undo(input) {
      const bytes = input.length - SUM_BYTES;
      if (bytes < 0) throw damaged("fletcher32", "it is shorter than its checksum");
      const from = kernels.place(input);
      const stored = kernels.u32(from + bytes, { bigEndian: false });
      const sum = kernels.run.fletcher32(from, bytes) >>> 0;
      if (stored !== sum && stored !== swapped(sum))
        throw damaged(
          "fletcher32",
          `its checksum is ${hex(stored)}, that of its bytes ${hex(sum)}`,
        );
      return kernels.view(from, bytes);
    },
  };
};

const swapped = (sum: number): number =>
  (((sum & 0x00ff00ff) << 8) | ((sum >>> 8) & 0x00ff00ff)) >>> 0;

const hex = (sum: number): string => sum.toString(16).padStart(8, "0");
