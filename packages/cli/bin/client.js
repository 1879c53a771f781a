#!/usr/bin/env node
import { main } from "../dist/mod.js";

await main(["client", ...process.argv.slice(2)]);
