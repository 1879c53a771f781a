/**
 * Adds up the images of one source over all events, as /totals/image of results.h5; divide it by
 * /totals/images for the mean image.
 *
 *     npx evb run run1.index.h5 -o out --analysis jobs/image-sum.ts --set source=file1
 */
import { defineAnalysis } from "evb/analysis";

export default defineAnalysis({
  options: {
    source: { default: "file1", help: "name of the source whose images are added" },
  },

  setup({ options, sources }) {
    const source = sources.find(({ name }) => name === options.source);
    if (source === undefined) throw new Error(`there is no source ${options.source} in this run`);
    const pixels = source.shape.reduce((product, n) => product * n, 1);
    return {
      totals: { image: { type: "f8", length: pixels }, images: { type: "i8" } },

      event(event, totals) {
        const fragment = event.fragments.find((each) => each.source.name === options.source);
        if (fragment === undefined) return undefined;
        // addAll takes a copy: the buffer is the next event's when this call has returned.
        totals.addAll("image", fragment.data as ArrayLike<number>);
        totals.add("images", 1);
        return undefined;
      },
    };
  },
});
