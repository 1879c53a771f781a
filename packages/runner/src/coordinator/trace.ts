/** What a coordinator does, one entry per decision, for whoever wants to know why. docs/protocol.md lists them. */
export type TraceEntry =
  | { readonly what: "listening"; readonly life: number }
  | { readonly what: "started" | "finished" }
  | {
      readonly what: "joined";
      readonly rank: number;
      readonly host: string;
      readonly pid: number;
      readonly came: "new" | "same-session" | "new-session";
    }
  | {
      readonly what: "lease";
      readonly rank: number;
      readonly lease: number;
      readonly first: number;
      readonly end: number;
      /** Somebody had events of it before who was lost. */
      readonly again: boolean;
      /** Another client has them, too. */
      readonly double: boolean;
    }
  | {
      readonly what: "commit";
      readonly rank: number;
      readonly first: number;
      readonly end: number;
    }
  | { readonly what: "counted" | "refused"; readonly rank: number; readonly events: number }
  | { readonly what: "lost"; readonly rank: number; readonly died: boolean }
  | { readonly what: "left" | "late" | "gap" | "revoke"; readonly rank: number }
  /** The answer to "revoke": so many events were given back, and which. */
  | {
      readonly what: "revoked";
      readonly rank: number;
      readonly events: number;
      readonly ranges: readonly (readonly [first: number, end: number])[];
    }
  | { readonly what: "set-aside"; readonly event: number };

export type Trace = (entry: TraceEntry) => void;
