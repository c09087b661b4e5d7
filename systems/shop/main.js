// JavaScript, so that the TypeScript stripper need not be loaded once everything is in the cache.
import { enableCompileCache, flushCompileCache } from "node:module";

// Before anything else is loaded, and for the processes that this one starts: from the second start on nothing is compiled anew.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env["NODE_COMPILE_CACHE"] ??= directory;
const { runCommand } = await import("./command-line.ts");
// Now, because a process that is killed later writes nothing.
flushCompileCache();
process.exitCode = await runCommand(process.argv.slice(2));
