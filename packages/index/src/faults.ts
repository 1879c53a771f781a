import { faults } from "@evb/event";

const again = "run `evb index` again";

/** `.h5, .hdf5 or .evt` */
function eitherOf(extensions: readonly string[]): string {
  const names = extensions.map((name) => `.${name}`);
  const last = names.pop()!;
  return names.length === 0 ? last : `${names.join(", ")} or ${last}`;
}

export const fault = faults({
  "input-not-found": [
    3,
    (at: { input: string }) =>
      `${at.input} is neither a file nor a folder, and no file matches it; check the path`,
  ],
  "input-none": [
    3,
    (at: { inputs: readonly string[]; extensions: readonly string[] }) =>
      `there is no ${eitherOf(at.extensions)} file directly in ${at.inputs.join(", ")}; name the files or the folder that holds them`,
  ],
  "input-own": [
    2,
    (at: { path: string }) =>
      `${at.path} was written by evb (an index, results or an extract), and is no file of a run; leave it out`,
  ],
  "extract-mixed": [
    2,
    (at: { path: string }) =>
      `${at.path} is an extract, and an index is of one extract and nothing else; index it alone, or leave it out`,
  ],
  "extract-layout": [
    2,
    (at: { path: string; layout: string }) =>
      `--layout ${at.layout} is one of a run's own files, and ${at.path} is an extract; leave it out`,
  ],
  "extract-matched": [
    2,
    (at: { path: string }) =>
      `--match and --window say which fragments are an event, and ${at.path} is an extract, whose rows are its events; leave them out`,
  ],
  "extract-no-labels": [
    2,
    (at: { path: string }) =>
      `${at.path} has no labels, so nothing can be selected; leave --select out`,
  ],
  "extract-version": [
    3,
    (at: { path: string; version: string; known: number }) =>
      `${at.path} has extract format ${at.version}, and this evb reads ${String(at.known)}; write it anew with \`evb extract\``,
  ],
  "extract-damaged": [
    3,
    (at: { path: string; reason: string }) =>
      `${at.path} is a damaged extract: ${at.reason}; check that it was copied whole, or write it anew with \`evb extract\``,
  ],
  "input-unreadable": [
    3,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be read: ${at.reason}; check its path and permissions`,
  ],
  "layout-unknown": [
    3,
    (at: { path: string; found: readonly string[] }) =>
      `${at.path} has no time stamps that a known layout names (timestampN, or small_data/time_stamp); it holds ${at.found.length === 0 ? "nothing" : at.found.join(", ")}; check the file, or say which layout with --layout`,
  ],
  "layout-mismatch": [
    3,
    (at: { path: string; dataSet: string; layout: string; wanted: string; found: string }) =>
      `${at.dataSet} in ${at.path} should be ${at.wanted} in layout ${at.layout}, but is ${at.found}; check the file, or leave it out`,
  ],
  "layout-mixed": [
    3,
    (at: { path: string; layout: string; first: string; firstLayout: string }) =>
      `${at.path} has layout ${at.layout}, but ${at.first} has ${at.firstLayout}; index the two kinds of run separately`,
  ],
  "inputs-mixed": [
    3,
    (at: { ring: string; hdf5: string }) =>
      `${at.ring} has ring items, and ${at.hdf5} is HDF5; index the two kinds of run separately`,
  ],
  "ring-option": [
    2,
    (at: { option: string; path: string }) =>
      `--${at.option} says how ring items are read, and ${at.path} has none; leave it out`,
  ],
  "ring-layout": [
    2,
    (at: { path: string; layout: string }) =>
      `--layout ${at.layout} is one of HDF5 files, and ${at.path} has ring items; leave it out`,
  ],
  "ring-no-labels": [
    2,
    (at: { path: string }) =>
      `ring items (${at.path}) have no labels, so nothing can be selected; leave --select out`,
  ],
  "ring-no-fragments": [
    3,
    (at: { path: string }) =>
      `${at.path} has no PHYSICS_EVENT, so there is nothing to index; check that it is the right file, or see with \`evb inspect\` what is in it`,
  ],
  "ring-two-versions": [
    3,
    (at: { source: number; one: string; other: string }) =>
      `source ${String(at.source)} lies in files of NSCLDAQ 10 and of a later one (${at.one}, ${at.other}); index them separately`,
  ],
  "index-two-runs": [
    2,
    (at: { runs: readonly number[] }) =>
      `the inputs are of runs ${at.runs.slice(0, 12).join(", ")}${at.runs.length > 12 ? ", …" : ""}, and an index is of one; index them one by one, or say that they are one with --run ${String(at.runs[0])}`,
  ],
  "event-too-large": [
    1,
    (at: { fragments: number; max: number; window: string }) =>
      `with --window ${at.window} an event has ${String(at.fragments)} fragments, and at most ${String(at.max)} can be handed out; give a smaller window (\`evb inspect --windows\` proposes some)`,
  ],
  "window-unit": [
    2,
    (at: { text: string; layout: string }) =>
      `--window ${at.text} has a unit, and what a tick of layout ${at.layout} is in seconds isn't known; give the window in ticks`,
  ],
  "no-labels": [
    2,
    (at: { layout: string }) =>
      `no file of this run holds the labels of layout ${at.layout} (they are in its first file), so nothing can be selected; use --all, or add that file`,
  ],
  "no-such-source": [
    2,
    (at: { pattern: string; known: readonly string[] }) =>
      `no source is called ${at.pattern}; there are ${at.known.slice(0, 12).join(", ")}${at.known.length > 12 ? ", …" : ""}`,
  ],
  "too-many-fragments": [
    1,
    (at: { fragments: number }) =>
      `the run has ${String(at.fragments)} fragments, and one index holds fewer than 2^32; index it in parts`,
  ],
  "too-many-sources": [
    1,
    (at: { sources: number; max: number }) =>
      `the run has ${String(at.sources)} sources, and one index holds at most ${String(at.max)}; index it in parts`,
  ],
  "out-exists": [
    2,
    (at: { path: string }) =>
      `${at.path} exists already; choose another name, or --force to replace it`,
  ],
  "out-foreign": [
    2,
    (at: { path: string }) =>
      `${at.path} is not an index that evb wrote, so --force won't replace it; choose another name`,
  ],
  "require-too-many": [
    2,
    (at: { require: number; sources: number }) =>
      `--require ${String(at.require)} asks for more sources than the ${String(at.sources)} that there are; give a smaller number, or all`,
  ],
  "out-unwritable": [
    1,
    (at: { path: string; reason: string }) =>
      `${at.path} can't be written: ${at.reason}; check that its folder is there, writable, and has room`,
  ],
  "not-an-index": [
    2,
    (at: { path: string; is: string; advice: string }) =>
      `${at.path} is ${at.is}, not an index; ${at.advice}`,
  ],
  "index-missing": [
    3,
    (at: { path: string }) =>
      `there is no index ${at.path}; check the path, or make it with \`evb index INPUT… -o ${at.path}\``,
  ],
  "index-version": [
    3,
    (at: { path: string; version: string; known: number }) =>
      `${at.path} has index format ${at.version}, and this evb reads ${String(at.known)}; ${again}`,
  ],
  "index-damaged": [
    3,
    (at: { path: string; reason: string }) => `${at.path} is damaged: ${at.reason}; ${again}`,
  ],
  "index-stale": [
    3,
    (at: { path: string; dataPath: string; reason: string }) =>
      `${at.path} no longer describes ${at.dataPath}: ${at.reason}; ${again}`,
  ],
  "ring-index-foreign": [
    2,
    (at: { path: string }) =>
      `${at.path} is there, and is no index that \`evb order --index\` keeps, so it is not replaced; choose another name`,
  ],
  "ring-index-version": [
    3,
    (at: { path: string; version: string; known: number }) =>
      `${at.path} has ring index format ${at.version}, and this evb reads ${String(at.known)}; \`evb order --index\` writes it anew with --force`,
  ],
  "ring-index-damaged": [
    3,
    (at: { path: string; reason: string }) =>
      `${at.path} is damaged: ${at.reason}; \`evb order --index\` writes it anew with --force`,
  ],
  "ring-index-stale": [
    2,
    (at: { path: string; reason: string }) =>
      `${at.path} is of another scan (${at.reason}); choose another name, or --force to replace it`,
  ],
  "ring-index-runs": [
    2,
    (at: { path: string; runs: readonly number[] }) =>
      `${at.path} keeps the index of one run, and the inputs are runs ${at.runs.slice(0, 12).join(", ")}${at.runs.length > 12 ? ", …" : ""}; order them one by one, or leave --index out`,
  ],
  "data-missing": [
    3,
    (at: { path: string; dataPath: string; reason: string }) =>
      `${at.dataPath}, which ${at.path} describes, can't be read: ${at.reason}; if the run was moved, say where with --data DIR`,
  ],
  "bad-data-mapping": [
    2,
    (at: { text: string }) =>
      `--data ${at.text} is neither a folder nor FROM=TO; give the folder that holds the run's files on this host`,
  ],
  "segment-missing": [
    3,
    (at: { path: string; wanted: number }) =>
      `segment ${String(at.wanted).padStart(2, "0")} of the run is missing before ${at.path}; add it, or go on without it with --salvage`,
  ],
  "segments-swapped": [
    1,
    (at: { path: string; offset: number; item: number; first: string }) =>
      `the run begins in ${at.path} at byte ${String(at.offset)} (item ${String(at.item)}), and not in its first segment ${at.first}; give the segments their right names`,
  ],
  "ring-two-runs": [
    1,
    (at: {
      path: string;
      offset: number;
      item: number;
      type: string;
      run: number;
      first: number;
    }) =>
      `${at.path} has a ${at.type} of run ${String(at.run)} at byte ${String(at.offset)} (item ${String(at.item)}), but what came before is run ${String(at.first)}; order the runs apart, or say that they are one with --run ${String(at.first)}`,
  ],
  "bad-headerless-rule": [
    2,
    (at: { text: string; wanted: string }) =>
      `--headerless ${at.text} is not understood; give ${at.wanted}`,
  ],
});
