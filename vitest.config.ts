import { defineConfig, type ViteUserConfig } from "vitest/config";

// Tests are hermetic (STYLE.md, 18), so one worker can run many files without isolation: 25 times faster on two cores.
const config: ViteUserConfig = defineConfig({
  resolve: { conditions: ["ashlar-source"] },
  ssr: { resolve: { conditions: ["ashlar-source"] } },
  test: {
    include: ["{kit/src,systems,scenarios,tools}/**/*.test.ts"],
    exclude: ["**/node_modules/**"],
    isolate: false,
    // Not a measure of speed: only what hangs is ended.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default config;
