import { loadKernels } from "./kernels.ts";
import { checkBytes, damaged, type MakeStage } from "./stage.ts";

/** Filter 32000: one LZF stream. Source: lzf_filter.c of h5py. */
export const makeLzf: MakeStage = () => {
  const kernels = loadKernels();
  return {
    stored: "compressed",
    undo(input, output) {
      const from = kernels.place(input);
      const end = from + input.length;
      const to = kernels.take(output.max);
      const bytes = kernels.run.lzf(from, end, to, to + output.max);
      if (bytes < 0) throw damaged("lzf", "its stream is broken or holds more than a chunk");
      checkBytes("lzf", bytes, output);
      return kernels.view(to, bytes);
    },
  };
};
