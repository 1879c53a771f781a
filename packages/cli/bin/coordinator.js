#!/usr/bin/env node
import { main } from "../dist/mod.js";

await main(["coordinator", ...process.argv.slice(2)]);
