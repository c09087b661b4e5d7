import { defineConfig, type ViteUserConfig } from "vitest/config";

// Tests are hermetic (STYLE.md, 18), so one worker can run many files without isolation: 25 times faster on two cores.
const config: ViteUserConfig = defineConfig({
  resolve: { conditions: ["ashlar-source"] },
  ssr: { resolve: { conditions: ["ashlar-source"] } },
  test: {
    include: ["{kit/src,systems,tools}/**/*.test.ts"],
    exclude: ["**/node_modules/**"],
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});

export default config;
