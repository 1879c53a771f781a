#!/usr/bin/env node
import { main } from "../bundle/evb.js";

await main(process.argv.slice(2));
