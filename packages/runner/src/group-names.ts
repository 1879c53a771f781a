/**
 * Names of groups for sources: a link's name can't hold a slash, which is written `%2F`; a name that is taken gets
 * underscores in front until it is free.
 *
 * @param reserved names that no group may have
 */
export function groupNames(sources: readonly string[], reserved: readonly string[] = []): string[] {
  const taken = new Set(reserved);
  // Names that stay as they are come first, so that no other takes one of them.
  const plain = new Set(sources.filter((source) => !source.includes("/") && !taken.has(source)));
  return sources.map((source) => {
    if (plain.has(source)) return source;
    let name = source.replaceAll("/", "%2F");
    while (taken.has(name) || plain.has(name)) name = `_${name}`;
    taken.add(name);
    return name;
  });
}
