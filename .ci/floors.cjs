// The floors of DESIGN.md section 2, one named rule a sentence.
const floors = [
  ["event"],
  ["formats", "labels", "analysis"],
  ["index", "generate"],
  ["runner"],
  ["launch", "watch"],
  ["cli"],
];
const at = (names) => `^packages/(${names.join("|")})/`;

const upward = floors.slice(0, -1).flatMap((here, floor) =>
  here.map((name) => ({
    name: `${name} imports only from floors below`,
    severity: "error",
    from: { path: at([name]) },
    to: {
      path: at([...floors.slice(floor + 1).flat(), ...here.filter((other) => other !== name)]),
    },
  })),
);

const doors = Object.entries({
  h5wasm: "formats",
  zstddec: "formats",
  zeromq: "runner/src/wire",
  msgpackr: "runner/src/wire",
  yargs: "cli",
  ajv: "launch",
  yaml: "launch",
}).map(([foreign, door]) => ({
  name: `only ${door} opens ${foreign}`,
  severity: "error",
  from: { path: "^packages/", pathNot: `^packages/${door}/` },
  to: { path: `node_modules/${foreign}` },
}));

module.exports = {
  forbidden: [
    { name: "no circles, types included", severity: "error", from: {}, to: { circular: true } },
    ...upward,
    ...doors,
    {
      name: "coordinator and client never import each other",
      severity: "error",
      from: { path: "^packages/runner/src/(coordinator|client)/" },
      to: {
        path: "^packages/runner/src/(coordinator|client)/",
        pathNot: "^packages/runner/src/$1/",
      },
    },
    {
      name: "packages are entered by their front door",
      severity: "error",
      from: { path: "^(packages/[^/]+|test|jobs)/" },
      to: { path: "^packages/[^/]+/src/(?!mod\\.ts$)", pathNot: "^$1/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "/(dist|bundle)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      conditionNames: ["@evb/source", "import", "node", "default", "types"],
      exportsFields: ["exports"],
    },
  },
};
