import type { RowLayout } from "@evb/formats";
import type { RunEvents } from "@evb/index";
import type { Welcome, WelcomeStorage } from "../wire/join.ts";
import type { CoordinatorOrder } from "./coordinator-order.ts";
import type { Peer } from "./peer.ts";

/** All that a client needs to know but its leases. */
export function welcomeOf(
  { sid, rank, lane, join: { nonce } }: Peer,
  parts: { session: number; beatMs: number; order: CoordinatorOrder; index: RunEvents },
): Welcome {
  const { session, beatMs, order } = parts;
  const { files, sources, root, path } = parts.index;
  const { rebuild } = order;
  return {
    nonce,
    session,
    sid,
    rank,
    lanePort: lane.port,
    beatMs,
    eventTimeoutMs: order.eventTimeoutMs ?? 0,
    analysis: order.analysis,
    root,
    indexPath: path,
    files: files.map(({ path, sizeBytes, ends }) => ({ path, sizeBytes, ends })),
    sources: sources.map(
      ({ name, file, payload, type, itemShape, varies, rows, payloadFile, storage }) => ({
        name,
        file,
        payload,
        type,
        itemShape,
        ...(varies && { varies }),
        rows,
        payloadFile,
        ...(storage && { storage: storageOf(storage) }),
      }),
    ),
    ...(rebuild && {
      rebuild: {
        outputs: rebuild.outputs,
        host: rebuild.host,
        buildings: rebuild.buildings,
        memoryBytes: rebuild.memoryBytes,
        ...(rebuild.extract && { extract: rebuild.extract }),
      },
    }),
  };
}

const storageOf = ({
  bigEndian,
  chunk,
  address,
  filters,
  fill,
  halves,
  ring,
}: RowLayout): WelcomeStorage => ({
  bigEndian,
  chunk,
  address,
  filters,
  fill,
  ...(halves && { halves }),
  ...(ring && { ring }),
});
