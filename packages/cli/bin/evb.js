#!/usr/bin/env node
import "./first-act.js";

const isClient = process.argv[2] === "client";
const { main } = await import(isClient ? "../bundle/evb-client.js" : "../bundle/evb.js");
await main(process.argv.slice(2));
