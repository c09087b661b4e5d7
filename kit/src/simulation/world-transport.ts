import { type Listener, type ListenParts, type OpenLinks, type Transport } from "../service/mod.ts";
import { NodeDoor } from "./node-door.ts";
import type { NodeHost } from "./node.ts";
import { WorldLink } from "./world-link.ts";

/**
 * Processes of a system reach each other through the network of a world; addresses are names of nodes. What TCP promises holds: a request
 * arrives at most once, and a connection whose other side does not answer breaks within two seconds. One for each process.
 */
export function worldTransport(host: NodeHost): Transport {
  return {
    links(): OpenLinks {
      const links = new Map<string, WorldLink>();
      return {
        to(address) {
          const link = links.get(address) ?? new WorldLink(host, address);
          links.set(address, link);
          return link;
        },
        async [Symbol.asyncDispose]() {
          for (const link of links.values()) link.close();
          links.clear();
        },
      };
    },
    async listen(parts: ListenParts): Promise<Listener> {
      return new NodeDoor(host, parts);
    },
  };
}
