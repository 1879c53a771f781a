/** The filters that are met in data files, as people call them. */
const NAMES: Readonly<Record<number, string>> = {
  1: "gzip",
  2: "shuffle",
  3: "fletcher32",
  4: "szip",
  5: "nbit",
  6: "scale-offset",
  32000: "lzf",
  32001: "blosc",
  32004: "lz4",
  32008: "bitshuffle",
  32015: "zstd",
};

/** @param id as registered with The HDF Group */
export const filterNameOf = (id: number): string => NAMES[id] ?? `filter ${String(id)}`;
