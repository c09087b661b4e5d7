// JavaScript, so that the TypeScript stripper need not be loaded once everything is in the cache.
import { enableCompileCache, flushCompileCache, registerHooks } from "node:module";

// Before anything else is loaded, and for the processes that this one starts: from the second start on nothing is compiled anew.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env["NODE_COMPILE_CACHE"] ??= directory;
// Sources name each other in full, so that their names are their places. Looking for each of some 4,000 imports on the disk, as is done for
// those of packages, was a fifth of a start.
registerHooks({
  resolve(specifier, context, next) {
    const isSource = specifier.startsWith(".") && specifier.endsWith(".ts");
    if (!isSource || context.parentURL === undefined) return next(specifier, context);
    return { url: new URL(specifier, context.parentURL).href, format: "module-typescript", shortCircuit: true };
  },
});
const { loadCommand } = await import("./command-line.ts");
const command = await loadCommand(process.argv.slice(2));
// Now, because a process that is killed later writes nothing.
flushCompileCache();
process.exitCode = await command();
