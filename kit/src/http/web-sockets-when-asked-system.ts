import type { Duplex } from "node:stream";
import type { Clock } from "../clock/mod.ts";
import type { Api } from "./api.ts";
import type { HttpRules } from "./server-settings.ts";
import type { WebSockets } from "./web-socket-system.ts";

/** As `webSockets`, which is loaded when somebody asks for the first one: most servers start faster than they are asked, and many never are. */
export function webSocketsWhenAsked(
  api: Api,
  around: { readonly rules: HttpRules; readonly clock: Clock },
): WebSockets {
  const waiting = new Set<Duplex>();
  let state: "open" | "closed" = "open";
  let loaded: WebSockets | undefined;
  let loading: Promise<WebSockets> | undefined;

  async function load(): Promise<WebSockets> {
    const { webSockets } = await import("./web-socket-system.ts");
    return (loaded ??= webSockets(api, around));
  }

  return {
    upgrade(message, socket, head) {
      if (loaded !== undefined) return loaded.upgrade(message, socket, head);
      const drop = (): void => void socket.destroy();
      waiting.add(socket);
      socket.on("error", drop);
      const go = (sockets: WebSockets): void => {
        waiting.delete(socket);
        socket.off("error", drop);
        if (state === "closed") drop();
        else sockets.upgrade(message, socket, head);
      };
      (loading ??= load()).then(go, drop);
    },
    close() {
      state = "closed";
      loaded?.close();
    },
    cutOff() {
      for (const socket of waiting) socket.destroy();
      loaded?.cutOff();
    },
  };
}
