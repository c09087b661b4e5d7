import { test } from "vitest";
import { exerciseEngineCrashes } from "../conformance/mod.ts";

exerciseEngineCrashes("sqlite", { test, crash: { module: new URL("crash.test-engine.ts", import.meta.url) } });
