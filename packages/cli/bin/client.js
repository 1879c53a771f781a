#!/usr/bin/env node
import { main } from "../bundle/evb.js";

await main(["client", ...process.argv.slice(2)]);
