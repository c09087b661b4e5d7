import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../clock/mod.ts";
import type { Api } from "./api.ts";
import { Alive, drained } from "./event-stream-system.ts";
import { NodeRequest } from "./node-request-system.ts";
import type { HttpRules } from "./server-settings.ts";

/** Codes with which a stream over WebSocket ends (RFC 6455, 7.4). */
const codes = { end: 1_000, goingAway: 1_001, refused: 1_008, fault: 1_011, slow: 1_013 } as const;

/**
 * Serves streams to who asks to upgrade: an item is a text message of JSON, the end closes with 1000, a refusal with 1008 and the problem as reason.
 * Clients send nothing; who does not answer two pings is cut off, and so is who has not taken in what waits within `aliveMs`.
 */
export function webSockets(api: Api, around: { readonly rules: HttpRules; readonly clock: Clock }): WebSockets {
  const { rules, clock } = around;
  const server = new WebSocketServer({ noServer: true, maxPayload: 1_024, clientTracking: true });
  return {
    upgrade(message, socket, head) {
      const request = new NodeRequest(message, 0);
      if (!api.isStream(request)) return refuse(socket);
      server.handleUpgrade(message, socket, head, (peer) => {
        peer.on("error", () => peer.terminate());
        serve(peer).catch(() => peer.terminate());
      });
      async function serve(peer: WebSocket): Promise<void> {
        const opened = await api.stream(request);
        if ("status" in opened) return peer.close(codes.refused, reasonOf(opened.body));
        let answered: "yes" | "no" = "yes";
        peer.on("pong", () => (answered = "yes"));
        const alive = new Alive(clock, rules.aliveMs, () => {
          if (answered === "no") return peer.terminate();
          answered = "no";
          peer.ping();
        });
        try {
          for await (const item of opened.items) {
            if (peer.readyState !== WebSocket.OPEN) return;
            peer.send(JSON.stringify(item));
            const isFull = peer.bufferedAmount > rules.streamBytesMax;
            if (isFull && (await drained(socket, clock, rules.aliveMs)) === "late")
              return peer.close(codes.slow, "too slow");
          }
          peer.close(codes.end);
        } catch (error) {
          const { status, body } = opened.problem(error);
          peer.close(status >= 500 ? codes.fault : codes.refused, reasonOf(body));
        } finally {
          alive.stop();
        }
      }
    },
    close() {
      for (const peer of server.clients) peer.close(codes.goingAway, "the server is closing");
      server.close();
    },
    cutOff() {
      for (const peer of server.clients) peer.terminate();
    },
  };
}

/** Says that there is nothing; whether it is heard or not, nothing is left of it. Node listens for its errors no longer. */
function refuse(socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", () => socket.destroy());
}

/** The streams of a server over WebSocket. */
export interface WebSockets {
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Says goodbye to all. */
  close(): void;
  /** Ends those that have not answered. */
  cutOff(): void;
}

// A reason has room for 123 bytes.
function reasonOf(problem: string): string {
  const { title = "" } = JSON.parse(problem) as { title?: string };
  let reason = title.slice(0, 123);
  while (Buffer.byteLength(reason) > 123) reason = reason.slice(0, -1);
  return reason;
}
