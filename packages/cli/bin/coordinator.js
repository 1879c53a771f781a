#!/usr/bin/env node
import { main } from "../bundle/evb.js";

await main(["coordinator", ...process.argv.slice(2)]);
