import { loadKernels } from "./kernels.ts";
import { checkBytes, damaged, type MakeStage } from "./stage.ts";

const BIG = { bigEndian: true };
const HEADER_BYTES = 12;

/**
 * Filter 32004, all numbers big-endian; the last block is what remains; a block that can't be compressed is as it was:
 *
 *     bytes 8 | block bytes 4 | each block: stored bytes 4, an LZ4 block
 *
 * Source: H5Zlz4.c and "HDF5 LZ4 filter" of the HDF5 plugins.
 */
export const makeLz4: MakeStage = () => {
  const kernels = loadKernels();
  return {
    stored: "compressed",
    undo(input, output) {
      if (input.length < HEADER_BYTES) throw damaged("lz4", "it ends within its header");
      let from = kernels.place(input);
      const end = from + input.length;
      const bytes = kernels.u32(from, BIG) * 2 ** 32 + kernels.u32(from + 4, BIG);
      checkBytes("lz4", bytes, output);
      const blockBytesMax = kernels.u32(from + 8, BIG);
      if (blockBytesMax === 0 && bytes > 0) throw damaged("lz4", "its blocks are empty");
      from += HEADER_BYTES;
      const begin = kernels.take(bytes);
      const last = begin + bytes;
      for (let to = begin; to < last;) {
        const blockBytes = Math.min(blockBytesMax, last - to);
        const stored = end - from < 4 ? Infinity : kernels.u32(from, BIG);
        from += 4;
        if (stored > end - from) throw damaged("lz4", "it ends within a block");
        if (stored === blockBytes) kernels.copy(to, from, blockBytes);
        else if (kernels.run.lz4(from, from + stored, to, to + blockBytes) !== blockBytes)
          throw damaged("lz4", "a block is broken");
        from += stored;
        to += blockBytes;
      }
      return kernels.view(begin, bytes);
    },
  };
};
