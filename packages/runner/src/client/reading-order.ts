/** How a client reads. */
export interface ReadingOrder {
  /** Reads that may be on their way at once; undefined: as it finds best, 0: none is begun ahead. */
  readonly readAhead?: number | undefined;
  /** Threads that decode beside the one that analyses; undefined: none. */
  readonly decodeThreads?: number | undefined;
  /** Bytes of events that it is handed at once, and that are read ahead; undefined: as the coordinator finds best. */
  readonly memoryBytes?: number | undefined;
}
