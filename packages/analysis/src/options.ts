import type { Analysis, OptionValue } from "./analysis.ts";
import { fault } from "./faults.ts";

/**
 * What the analysis declares, with what the user set.
 *
 * @param settings name → text, as typed behind `--set`
 * @throws EvbError "analysis-option-unknown", "analysis-option-value"
 */
export function optionsOf(
  name: string,
  analysis: Analysis,
  settings: Readonly<Record<string, string>>,
): Record<string, OptionValue> {
  const declared = analysis.options ?? {};
  const values: Record<string, OptionValue> = {};
  for (const [option, declaration] of Object.entries(declared))
    values[option] = declaration.default;
  for (const [option, text] of Object.entries(settings)) {
    // Every object has a `toString`, which nobody declared.
    const declaration = Object.hasOwn(declared, option) ? declared[option] : undefined;
    if (declaration === undefined)
      throw fault("analysis-option-unknown", {
        analysis: name,
        name: option,
        known: Object.keys(declared),
      });
    values[option] = parse(name, option, text, declaration.default);
  }
  return values;
}

function parse(analysis: string, name: string, text: string, like: OptionValue): OptionValue {
  const at = { analysis, name, value: text };
  if (typeof like === "string") return text;
  if (typeof like === "boolean") {
    if (text !== "true" && text !== "false")
      throw fault("analysis-option-value", { ...at, wanted: "true or false" });
    return text === "true";
  }
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number))
    throw fault("analysis-option-value", { ...at, wanted: "a number" });
  return number;
}
