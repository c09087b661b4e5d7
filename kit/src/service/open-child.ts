import { DisposedError, invariant } from "../errors/mod.ts";
import { fixedDirectory } from "../registry/mod.ts";
import type { SupervisedChild } from "../supervisor/mod.ts";
import { openNode, type OpenNodeOptions, type ServiceNode } from "./open-node.ts";
import { fillDirectory } from "./placement.ts";
import type { System } from "./system-value.ts";

/** One process of a spread system: finds the others by the table of its supervisor, which it tells where it is called. */
export async function openChild(
  system: System,
  child: SupervisedChild,
  options: Omit<OpenNodeOptions, "directory" | "identity">,
): Promise<ServiceNode> {
  const { identity } = child;
  invariant(identity !== undefined, "a child has a supervisor");
  if (child.draining.aborted) throw new DisposedError("the supervisor of this process");
  const directory = fixedDirectory();
  const following = child.onTable((table) => fillDirectory(system, directory, table));
  try {
    const node = await openNode(system, { ...options, directory, identity: `${identity.name}-${identity.instance}` });
    child.ready(node.address);
    return node;
  } catch (error) {
    following[Symbol.dispose]();
    throw error;
  }
}
