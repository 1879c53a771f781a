import type { Cursor } from "./cursor.ts";

/** One filter that a data set's chunks went through. */
export interface StoredFilter {
  /** As registered with The HDF Group: 1 gzip, 2 shuffle, 3 fletcher32, 32004 lz4, … */
  readonly id: number;
  /** Its parameters: u32 each. */
  readonly clientData: readonly number[];
  /** A chunk that it can't be applied to is stored without it, which its filter mask then says. */
  readonly optional: boolean;
}

/** H5Zpublic.h: H5Z_MAX_NFILTERS. */
const FILTERS_MAX = 32;
/** From this id on (H5Z_FILTER_RESERVED), version 2 names filters. */
const NAMED_ID_MIN = 256;

/**
 * Decodes a filter pipeline message: the filters in the order of writing. Bit i of a chunk's filter mask is for filter i.
 *
 *     version 1:  version 1 | filters 1 | 0 6 | each: id 2, name bytes 2, flags 2, values 2, name, values × 4, 4 if odd
 *     version 2:  version 1 | filters 1 | each: id 2, name bytes 2 (id ≥ 256), flags 2, values 2, name, values × 4
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.l ("Data Storage - Filter Pipeline Message").
 *
 * @throws EvbError "hdf5-storage-damaged"
 */
export function decodeFilterPipeline(cursor: Cursor): StoredFilter[] {
  const version = cursor.u8();
  if (version !== 1 && version !== 2)
    throw cursor.damaged(`${String(version)} is no version of a filter pipeline message`);
  const count = cursor.u8();
  if (count > FILTERS_MAX) throw cursor.damaged(`${String(count)} filters are too many`);
  if (version === 1) cursor.skip(6);
  return Array.from({ length: count }, () => {
    const id = cursor.u16();
    const nameBytes = version === 1 || id >= NAMED_ID_MIN ? cursor.u16() : 0;
    const flags = cursor.u16();
    const values = cursor.u16();
    // Version 1 pads names to multiples of 8; what it says is with the padding, but not from every writer.
    cursor.skip(version === 1 ? 8 * Math.ceil(nameBytes / 8) : nameBytes);
    const clientData = Array.from({ length: values }, () => cursor.u32());
    if (version === 1 && values % 2 === 1) cursor.skip(4);
    return { id, clientData, optional: (flags & 1) !== 0 };
  });
}
