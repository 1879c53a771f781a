/**
 * Counts the elements of each fragment that are above a threshold, and keeps a spectrum of the
 * brightest element per event.
 *
 *     npx evb run run1.index.h5 -o out --analysis jobs/peak-finder.ts --set threshold=60000
 *
 * results.h5 then has /events/columns/hits and /events/columns/brightest, /fragments/peaks, and
 * /totals/spectrum.
 */
import { defineAnalysis } from "evb/analysis";

/** Bins of the spectrum; the last one also holds everything above. */
const BINS = 100;

export default defineAnalysis({
  options: {
    threshold: { default: 60_000, help: "what counts as a peak, in the data's own units" },
    binWidth: { default: 700, help: "width of a bin of the spectrum" },
  },

  setup({ options }) {
    const { threshold, binWidth } = options;
    return {
      eventColumns: { hits: "u4", brightest: "f8" },
      fragmentColumns: { peaks: "u4" },
      totals: { spectrum: { type: "f8", length: BINS } },

      event(event, totals) {
        let brightest = -Infinity;
        const peaks = event.fragments.map(({ data }) => {
          let count = 0;
          // The first two elements of a mock run name its event and file; a real detector has none.
          for (let i = 2; i < data.length; i++) {
            const value = Number(data[i]);
            if (value > threshold) count++;
            if (value > brightest) brightest = value;
          }
          return count;
        });
        const bin = Math.floor(brightest / binWidth);
        totals.add("spectrum", 1, Math.max(0, Math.min(BINS - 1, bin)));
        const hits = peaks.reduce((sum, count) => sum + count, 0);
        return { columns: { hits, brightest }, fragments: { peaks } };
      },
    };
  },
});
