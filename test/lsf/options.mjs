// Options of bsub as IBM documents them, as far as the stub knows them; whatever else is typed is refused.
// Where the documentation leaves a choice to the site, the stub refuses or does less.

/** name → what its value must look like */
const WITH_VALUE = {
  "-n": /^[1-9]\d*(,[1-9]\d*)?$/,
  "-q": /^\S+$/,
  "-W": /^(\d+:)?[1-9]\d*$/,
  "-o": /^\S/,
  "-oo": /^\S/,
  "-e": /^\S/,
  "-eo": /^\S/,
  "-J": /^[^\s[\]]+(\[[1-9]\d*(-[1-9]\d*)?\](%[1-9]\d*)?)?$/,
  "-R": /^\s*((span\[\s*(ptile\s*=\s*[1-9]\d*|hosts\s*=\s*1)\s*\]|rusage\[\s*mem\s*=\s*[1-9]\d*(KB|MB|GB|TB)?\s*\])\s*)+$/,
  "-P": /^\S+$/,
  "-cwd": /^\S/,
  "-Q": /^(all|~?\d{1,3})( ~?\d{1,3})*$/,
  "-wa": /^(HUP|INT|QUIT|KILL|USR1|USR2|TERM|URG)$/,
  "-wt": /^(\d+:)?[1-9]\d*$/,
};
const ALONE = ["-K", "-r", "-rn", "-x"];

export class Refused extends Error {}

/** Words of a line, as a shell would part them: "…", '…'. */
export const wordsOf = (line) =>
  [...line.matchAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double?.replace(/\\(.)/g, "$1") ?? single ?? plain,
  );

/** @returns {{ options: Map<string, string>, rest: string[] }} rest: the command */
export function parse(words, where) {
  const options = new Map();
  let row = 0;
  for (; row < words.length && words[row].startsWith("-"); row++) {
    const name = words[row];
    if (ALONE.includes(name)) {
      options.set(name, "");
      continue;
    }
    const pattern = Object.hasOwn(WITH_VALUE, name) ? WITH_VALUE[name] : undefined;
    if (pattern === undefined) throw new Refused(`${name}: Illegal option (${where}).`);
    const value = words[++row];
    if (value === undefined || !pattern.test(value))
      throw new Refused(`Bad argument for option ${name} (${where}): ${value}.`);
    options.set(name, value);
  }
  return { options, rest: words.slice(row) };
}

/** What stands behind `#BSUB` in a script, all lines together. */
export function parseScript(script) {
  const lines = script.split("\n").map((line) => /^#BSUB\s+(.*)$/.exec(line)?.[1]);
  const { options, rest } = parse(
    lines.filter((line) => line !== undefined).flatMap(wordsOf),
    "#BSUB",
  );
  if (rest.length > 0) throw new Refused(`#BSUB: ${rest[0]} is no option.`);
  return options;
}

/** Whether a job of `-Q codes` that ended with this code is queued again. */
export function isQueuedAgain(codes, code) {
  const words = (codes ?? "").split(" ").filter(Boolean);
  if (words.includes(`~${code}`)) return false;
  return words.includes("all") || words.includes(String(code));
}
