import { defineConfig, type OxlintConfig } from "oxlint";
import { importOverrides } from "./tools/layers.ts";

const inject = "take a Clock or a Random as a parameter; the system's own live in *-system.ts files";
const tests = ["**/*.test.ts", "**/*.test-*.ts", "**/*.bench.ts"];

// The rules carry STYLE.md; a number in brackets is its paragraph.
const config: OxlintConfig = defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "promise", "vitest"],
  categories: { correctness: "error", suspicious: "error" },
  // Rivals are dependencies of bench/versus alone, so that their types are absent here.
  ignorePatterns: ["bench/**", "dist/**", "coverage/**"],
  options: { reportUnusedDisableDirectives: "error" },
  rules: {
    // 1 names, 2 sizes
    "unicorn/filename-case": ["error", { case: "kebabCase" }],
    "max-lines": ["error", { max: 400 }],
    "max-lines-per-function": ["error", { max: 70, skipBlankLines: true, skipComments: true }],
    "max-params": ["error", { max: 3 }],
    "max-depth": ["error", { max: 4 }],
    // 8 errors
    "preserve-caught-error": "error",
    "no-empty": "error",
    "typescript/only-throw-error": "error",
    "typescript/use-unknown-in-catch-callback-variable": "error",
    // 10 cancellation: a promise nobody holds is a rejection nobody sees
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/await-thenable": "error",
    // 12 time and chance
    "no-restricted-globals": [
      "error",
      ...[
        "setTimeout",
        "setInterval",
        "setImmediate",
        "clearTimeout",
        "clearInterval",
        "clearImmediate",
        "performance",
      ].map((name) => ({ name, message: inject })),
    ],
    "no-restricted-properties": [
      "error",
      { object: "Date", property: "now", message: inject },
      { object: "Math", property: "random", message: inject },
      { object: "process", property: "hrtime", message: inject },
      { object: "crypto", property: "randomUUID", message: inject },
      { object: "crypto", property: "getRandomValues", message: inject },
      {
        object: "AbortSignal",
        property: "timeout",
        message: "use signalAfter(clock, …), which leaves no timer behind",
      },
    ],
    // 14 types
    "typescript/no-explicit-any": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/no-namespace": "error",
    "typescript/switch-exhaustiveness-check": [
      "error",
      { considerDefaultExhaustiveForUnions: true, allowDefaultCaseForExhaustiveSwitch: true },
    ],
    "typescript/explicit-module-boundary-types": "error",
    "typescript/prefer-readonly": "error",
    "typescript/no-deprecated": "error",
    "typescript/no-require-imports": "error",
    "typescript/return-await": ["error", "error-handling-correctness-only"],
    "typescript/ban-ts-comment": [
      "error",
      { "ts-expect-error": "allow-with-description", minimumDescriptionLength: 10 },
    ],
    "import/no-default-export": "error",
    eqeqeq: ["error", "always"],
    "no-var": "error",
    "prefer-const": "error",
    // 15 imports
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "typescript/consistent-type-imports": ["error", { prefer: "type-imports", disallowTypeAnnotations: true }],
    "unicorn/prefer-node-protocol": "error",
    // 21 never
    "no-console": "error",
    "no-warning-comments": "error",
    // Refused on purpose. Narrowing a decoded value is what the codec and the drivers are for.
    "typescript/no-unsafe-type-assertion": "off",
    // Private state is #fields; a leading underscore marks an unused parameter.
    "no-underscore-dangle": "off",
    // Shadowing an outer name in a short closure reads better than a second-best name.
    "no-shadow": "off",
    // tsc says it already, knowing the types.
    "typescript/consistent-return": "off",
    // Modules with side effects are banned by tidy; side-effect imports of type augmentations are not.
    "import/no-unassigned-import": "off",
    "unicorn/consistent-function-scoping": "off",
    // A row or a decoded value has the type that its caller names, once.
    "typescript/no-unnecessary-type-parameters": "off",
    "typescript/restrict-template-expressions": ["error", { allowNever: true, allowNumber: true, allowBoolean: true }],
    "promise/always-return": "off",
    // fast-check is used as fc.property by everybody who knows it; its tests compare with a model inside branches.
    "import/no-named-as-default-member": "off",
    "vitest/no-conditional-expect": "off",
  },
  overrides: [
    ...importOverrides(),
    { files: ["kit/src/**/*-system.ts"], rules: timeAndChanceAllowed() },
    { files: tests, rules: { "max-lines-per-function": "off", "max-params": "off" } },
    // These run against real processes and real time, or are not the product.
    { files: ["**/*.real.test.ts", "**/*.bench.ts", "tools/**"], rules: timeAndChanceAllowed() },
    { files: ["tools/**"], rules: { "no-console": "off" } },
    { files: ["**/*.config.ts"], rules: { "import/no-default-export": "off" } },
  ],
});

function timeAndChanceAllowed(): NonNullable<OxlintConfig["rules"]> {
  return { "no-restricted-globals": "off", "no-restricted-properties": "off" };
}

export default config;
