import { dirname } from "node:path";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  {
    ignores: [
      "**/dist/**",
      "packages/cli/bundle/**",
      ".ci/**",
      "packages/cli/bin/**",
      "**/*.mjs",
      "packages/*/kernels/**",
    ],
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: dirname(import.meta.dirname) },
    },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      // noUncheckedIndexedAccess asks for `!` wherever a loop's bound already says that the element is there.
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);
