import { readFileSync } from "node:fs";

/** The version of this evb, as it stands in every output. */
export const EVB_VERSION = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  }
).version;
