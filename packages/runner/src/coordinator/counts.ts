/** What went wrong in a run and was mended, over all lives of its coordinator; docs/protocol.md says when each counts. */
export interface FaultCounts {
  /** Clients whose connection broke. */
  clientsLost: number;
  /** Events whose results came again and were dropped. */
  lateCopies: number;
  gapsAsked: number;
  epochsRefused: number;
  /** Torn records that `--resume` cut off. */
  journalCuts: number;
  rejoinsSameSession: number;
  rejoinsNewSession: number;
  /** Events that ended too many clients. */
  setAside: number;
  /** Frames that nobody could understand, or that belong to no client. */
  strayFrames: number;
}

/** @param before what an earlier life has counted, as its journal says */
export function newCounts(before: Readonly<Record<string, number>> = {}): FaultCounts {
  const count = (name: keyof FaultCounts): number => before[name] ?? 0;
  return {
    clientsLost: count("clientsLost"),
    lateCopies: count("lateCopies"),
    gapsAsked: count("gapsAsked"),
    epochsRefused: count("epochsRefused"),
    journalCuts: count("journalCuts"),
    rejoinsSameSession: count("rejoinsSameSession"),
    rejoinsNewSession: count("rejoinsNewSession"),
    setAside: count("setAside"),
    strayFrames: count("strayFrames"),
  };
}
