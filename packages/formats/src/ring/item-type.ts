/** What ring items are, by their number in the header. Beyond {@link USER_TYPE_MIN} users have their own. */
export const ITEM_TYPE = {
  BEGIN_RUN: 1,
  END_RUN: 2,
  PAUSE_RUN: 3,
  RESUME_RUN: 4,
  ABNORMAL_ENDRUN: 5,
  PACKET_TYPES: 10,
  MONITORED_VARIABLES: 11,
  RING_FORMAT: 12,
  PERIODIC_SCALERS: 20,
  /** NSCLDAQ 10 only. */
  TIMESTAMPED_NONINCR_SCALERS: 21,
  PHYSICS_EVENT: 30,
  PHYSICS_EVENT_COUNT: 31,
  EVB_FRAGMENT: 40,
  EVB_UNKNOWN_PAYLOAD: 41,
  EVB_GLOM_INFO: 42,
} as const;

export type ItemTypeName = keyof typeof ITEM_TYPE;

export const USER_TYPE_MIN = 0x8000;

const NAMES = new Map<number, ItemTypeName>(
  (Object.keys(ITEM_TYPE) as ItemTypeName[]).map((name) => [ITEM_TYPE[name], name]),
);

/** The name of a type, or undefined of one that users defined or that nobody knows. */
export const itemTypeName = (type: number): ItemTypeName | undefined => NAMES.get(type);

/** BEGIN_RUN to RESUME_RUN: items that say where a run begins, ends or pauses. */
export const isStateChange = (type: number): boolean =>
  type >= ITEM_TYPE.BEGIN_RUN && type <= ITEM_TYPE.RESUME_RUN;
