import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../clock/mod.ts";
import type { Api } from "./api.ts";
import { Alive } from "./event-stream-system.ts";
import { NodeRequest } from "./node-request-system.ts";
import type { HttpRules } from "./server-settings.ts";

/** Codes with which a stream over WebSocket ends (RFC 6455, 7.4). */
const codes = { end: 1_000, goingAway: 1_001, refused: 1_008, fault: 1_011, slow: 1_013 } as const;

/**
 * Serves streams to who asks to upgrade: an item is a text message of JSON, the end closes with 1000, a refusal with 1008 and the problem as reason.
 * Clients send nothing; who does not answer two pings is cut off, and so is who takes in less than is sent.
 */
export function webSockets(api: Api, around: { readonly rules: HttpRules; readonly clock: Clock }): WebSockets {
  const { rules, clock } = around;
  const server = new WebSocketServer({ noServer: true, maxPayload: 1_024, clientTracking: true });
  return {
    upgrade(message, socket, head) {
      const request = new NodeRequest(message, 0);
      if (!api.isStream(request)) return void socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
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
            if (peer.bufferedAmount > rules.streamBytesMax) return peer.close(codes.slow, "too slow");
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
  };
}

/** The streams of a server over WebSocket. */
export interface WebSockets {
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

// A reason has room for 123 bytes.
function reasonOf(problem: string): string {
  const { title = "" } = JSON.parse(problem) as { title?: string };
  return title.slice(0, 120);
}
