/** Whether a page of an array's data block was ever written: bit by bit, the highest of each byte first (H5VM_bit_get). */
export const isPageWritten = (bitmap: Uint8Array, page: number): boolean =>
  (bitmap[Math.floor(page / 8)]! & (0x80 >> (page % 8))) !== 0;
