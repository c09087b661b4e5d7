import { isBuiltin, registerHooks } from "node:module";
import { UnsupportedError } from "../../errors/mod.ts";
import { publishSimulated, refuseModule, simulated, sourceOf } from "./builtins-system.ts";

const mark = "ashlar-process";
const scheme = "ashlar-simulated:";

let installed: "yes" | "no" = "no";

/** The address under which a module is loaded anew for a process, with everything that it imports. */
export function addressFor(url: URL | string, process: number): string {
  const address = new URL(url);
  address.searchParams.set(mark, `${process}`);
  return address.href;
}

/** Redirects the imports of modules that are loaded for processes, once for the thread; others are left alone. */
export function installHooks(): void {
  if (installed === "yes") return;
  installed = "yes";
  publishSimulated();
  registerHooks({
    resolve(specifier, context, next) {
      const process = processOf(context.parentURL);
      if (process === undefined) return next(specifier, context);
      if (isBuiltin(specifier)) {
        const name = specifier.replace(/^node:/, "");
        refuseModule(name);
        if (!Object.hasOwn(simulated, name)) return next(specifier, context);
        const format = context.conditions.includes("require") ? "commonjs" : "module";
        return { url: `${scheme}${name}?${mark}=${process}`, format, shortCircuit: true };
      }
      const found = next(specifier, context);
      if (!found.url.startsWith("file:")) return found;
      if (found.url.endsWith(".node"))
        throw new UnsupportedError(
          `the native add-on ${specifier}`,
          "simulation",
          "it reaches the machine in ways that nobody sees",
        );
      return { ...found, url: addressFor(found.url, process) };
    },
    load(url, context, next) {
      if (!url.startsWith(scheme)) return next(url, context);
      const format = context.format === "commonjs" ? "commonjs" : "module";
      return { format, source: sourceOf(url.slice(scheme.length).split("?")[0] ?? "", format), shortCircuit: true };
    },
  });
}

function processOf(url: string | undefined): number | undefined {
  const found = url === undefined ? null : new URL(url).searchParams.get(mark);
  return found === null ? undefined : Number(found);
}
