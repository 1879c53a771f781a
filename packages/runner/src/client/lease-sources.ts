import { chunksPerRow, storedElementBytes, type RowLayout } from "@evb/formats";
import type { Welcome } from "../wire/join.ts";
import type { LeaseSources } from "../wire/lease-message.ts";

/** How a source's rows lie in its file; undefined: the HDF5 library reads them. */
export const layoutOf = ({
  storage,
  itemShape,
  type,
}: Welcome["sources"][number]): RowLayout | undefined =>
  storage && { ...storage, itemShape, elementBytes: storedElementBytes(type, storage) };

/** What leases may say of these sources. */
export function leaseSourcesOf({ sources }: Pick<Welcome, "sources">): LeaseSources {
  const chunks = Uint32Array.from(sources, (source) => {
    const layout = layoutOf(source);
    return layout === undefined ? 0 : chunksPerRow(layout);
  });
  const some = chunks.some((each) => each > 0);
  return { count: sources.length, chunksPerRow: some ? chunks : undefined };
}
