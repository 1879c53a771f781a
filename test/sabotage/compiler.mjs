// Compiles one file at a time, as it would be with a sabotage: its types against those of all packages, in memory.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** A compiler of the packages below `root`, which must have been built once. */
export function compilerOf(root) {
  const { compilerOptions } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    // All packages are one program here, which reads their sources.
    {
      ...compilerOptions,
      composite: false,
      declarationMap: false,
      customConditions: ["@evb/source"],
    },
    root,
  );
  if (errors.length > 0) throw new Error(messageOf(errors[0]));
  // A text by itself is of no package, which would say that it is no CommonJS.
  const asModule = { ...options, module: ts.ModuleKind.ESNext };
  const files = sourcesOf(root);
  const changed = new Map();
  let version = 0;
  const { fileExists, readFile, directoryExists, getDirectories, readDirectory } = ts.sys;
  const service = ts.createLanguageService({
    ...{ fileExists, readFile, directoryExists, getDirectories, readDirectory },
    getCompilationSettings: () => options,
    getCurrentDirectory: () => root,
    getDefaultLibFileName: (of) => ts.getDefaultLibFilePath(of),
    getScriptFileNames: () => files,
    getScriptVersion: (path) => (changed.has(path) ? `changed ${version}` : "as it is"),
    getScriptSnapshot: (path) => {
      const text = changed.get(path) ?? readFile(path);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
  });
  return {
    /** Why `file` can't have this text; undefined where it can. */
    problemWith(file, text) {
      const path = join(root, file);
      changed.set(path, text);
      version++;
      const [first] = [
        ...service.getSyntacticDiagnostics(path),
        ...service.getSemanticDiagnostics(path),
      ];
      changed.delete(path);
      return first === undefined ? undefined : messageOf(first);
    },
    /** JavaScript of this text, as a build writes it. */
    javaScriptOf: (text) => ts.transpileModule(text, { compilerOptions: asModule }).outputText,
  };
}

function messageOf({ messageText }) {
  return ts.flattenDiagnosticMessageText(messageText, " ");
}

function sourcesOf(root) {
  return readdirSync(join(root, "packages")).flatMap((name) => {
    const folder = join(root, "packages", name, "src");
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { recursive: true })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => join(folder, path));
  });
}
