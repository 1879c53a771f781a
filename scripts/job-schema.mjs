// Writes jobs/job.schema.json, by which editors complete job files: node scripts/job-schema.mjs, after a build.
import { writeFileSync } from "node:fs";
import { jobSchema } from "../packages/launch/dist/mod.js";

const path = new URL("../jobs/job.schema.json", import.meta.url);
writeFileSync(path, `${JSON.stringify(jobSchema(), null, 2)}\n`);
