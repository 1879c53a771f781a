#!/usr/bin/env node
import "./first-act.js";

const { main } = await import("../bundle/evb-client.js");
await main(["client", ...process.argv.slice(2)]);
