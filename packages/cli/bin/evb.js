#!/usr/bin/env node
import { main } from "../dist/mod.js";

await main(process.argv.slice(2));
