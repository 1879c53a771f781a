/** Commands that take a job file in place of what they are about. */
const COMMANDS = ["run", "order", "generate"];

/** What may stand before the job file, and has no value. */
const FLAGS = ["--force", "--resume", "--json", "--quiet"];

/** Whether a command line begins a job. Nothing is loaded for it: most don't. */
export function namesJob([command = "", ...words]: readonly string[]): boolean {
  if (!COMMANDS.includes(command)) return false;
  return words.some((word, i) => {
    const before = words[i - 1] ?? "";
    return /\.ya?ml$/i.test(word) && (!before.startsWith("-") || FLAGS.includes(before));
  });
}
