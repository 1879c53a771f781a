/**
 * Where a file lies that a thread begins with, `name` being its place seen from the file that asks. A thread
 * knows no TypeScript: it runs what was built, which has the same place in dist/ as its source in src/. The
 * bundle is flat and keeps the names (scripts/bundle.mjs), so there it lies beside, too.
 */
export function builtUrl({ name, from }: { name: `./${string}.js`; from: string }): URL {
  const url = new URL(name, from).href;
  if (!from.endsWith(".ts")) return new URL(url);
  const at = url.lastIndexOf("/src/");
  return new URL(`${url.slice(0, at)}/dist/${url.slice(at + "/src/".length)}`);
}
