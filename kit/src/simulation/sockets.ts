import { gate } from "../abort/mod.ts";
import { ConfigError, KitError } from "../errors/mod.ts";
import type { Network } from "./network.ts";

/** What one end of a connection is told. After `closed` nothing more. */
export interface ConnectionListener {
  arrived(bytes: Uint8Array): void;
  /** The other side sends nothing more. */
  ended(): void;
  /** The connection is gone; what was not read is lost. */
  closed(): void;
}

/** Nobody listens there. */
export class ConnectionRefusedError extends KitError {
  readonly code = "ECONNREFUSED";
  readonly retryable = true;
}

type Accept = (end: ConnectionEnd) => void;

/** A lost segment is sent again after so long. */
const againMs = 200;
const step = 1 / 1_024;

/** Connections between the processes of a world: bytes arrive in order and once, or the connection breaks. */
export class Sockets {
  readonly network: Network;
  readonly #doors = new Map<string, Accept>();

  constructor(network: Network) {
    this.network = network;
  }

  door(node: string, port: number): Accept | undefined {
    return this.#doors.get(`${node}:${port}`);
  }

  open(node: string, port: number, accept: Accept): void {
    if (this.door(node, port) !== undefined)
      throw new ConfigError("port", port, `one that nothing listens at on ${node}`);
    this.#doors.set(`${node}:${port}`, accept);
  }

  shut(node: string, port: number): void {
    this.#doors.delete(`${node}:${port}`);
  }
}

/** The sockets of one process. */
export class ProcessSockets {
  readonly #sockets: Sockets;
  readonly #node: string;
  readonly #ports = new Set<number>();
  readonly #ends = new Set<ConnectionEnd>();

  constructor(sockets: Sockets, node: string) {
    this.#sockets = sockets;
    this.#node = node;
  }

  /** Takes connections at a port; 0 for one that is free. Gives the port. Throws {@link ConfigError} for one that is taken. */
  listen(port: number, accept: Accept): number {
    let chosen = port;
    for (let free = 49_152; chosen === 0; free++) if (this.#sockets.door(this.#node, free) === undefined) chosen = free;
    this.#sockets.open(this.#node, chosen, (end) => {
      this.#ends.add(end);
      accept(end);
    });
    this.#ports.add(chosen);
    return chosen;
  }

  close(port: number): void {
    if (this.#ports.delete(port)) this.#sockets.shut(this.#node, port);
  }

  /** Resolves once the other side has taken the connection; never while the way is cut. Rejects with {@link ConnectionRefusedError}. */
  connect(node: string, port: number): Promise<ConnectionEnd> {
    const { network } = this.#sockets;
    const near = new ConnectionEnd(network, this.#node, node);
    this.#ends.add(near);
    const connected = gate<ConnectionEnd>();
    near.travel(() => {
      const accept = this.#sockets.door(node, port);
      const far = new ConnectionEnd(network, node, this.#node);
      near.join(far);
      if (accept === undefined) {
        far.travel(() => connected.fail(new ConnectionRefusedError(`nobody listens at ${node}:${port}`)));
        return;
      }
      accept(far);
      far.travel(() => connected.open(near));
    });
    return connected.promise;
  }

  /** `process`: the other sides are told. `machine`: they find out when they send something, or never. */
  die(kind: "process" | "machine"): void {
    for (const port of this.#ports) this.#sockets.shut(this.#node, port);
    this.#ports.clear();
    for (const end of this.#ends) end.die(kind);
    this.#ends.clear();
  }
}

/** One end of a connection. */
export class ConnectionEnd {
  readonly node: string;
  readonly peer: string;
  readonly #network: Network;
  #other: ConnectionEnd | undefined;
  #listener: ConnectionListener | undefined;
  readonly #early: ((listener: ConnectionListener) => void)[] = [];
  #lastMs = 0;
  #held: (() => void)[] = [];
  #state: "open" | "closed" | "dead" = "open";
  #sends: "yes" | "no" = "yes";

  constructor(network: Network, node: string, peer: string) {
    this.#network = network;
    this.node = node;
    this.peer = peer;
  }

  join(other: ConnectionEnd): void {
    this.#other = other;
    other.#other = this;
  }

  /** What arrived before is told now. */
  listen(listener: ConnectionListener): void {
    this.#listener = listener;
    for (const told of this.#early.splice(0)) told(listener);
  }

  /** Sends bytes; `sent` is called when they have arrived. */
  send(bytes: Uint8Array, sent: () => void): void {
    const copy = bytes.slice();
    this.travel(() => {
      const other = this.#other;
      if (other === undefined || other.#state !== "open") return other === undefined ? undefined : other.#answerReset();
      other.#tell((listener) => listener.arrived(copy));
      if (this.#state === "open") sent();
    });
  }

  /** Sends nothing more. */
  end(): void {
    if (this.#sends === "no") return;
    this.#sends = "no";
    this.travel(() => this.#toOther((other) => other.#tell((listener) => listener.ended())));
  }

  /** Ends it at once, on both sides. */
  reset(): void {
    if (this.#state !== "open") return;
    this.#state = "closed";
    this.travel(() => this.#toOther((other) => other.#close()));
  }

  die(kind: "process" | "machine"): void {
    if (this.#state !== "open") return;
    this.#state = "dead";
    this.#listener = undefined;
    if (kind === "process") this.travel(() => this.#toOther((other) => other.#close()));
  }

  /** Calls `run` at the other side, after everything that was sent before; when the way is cut, once it is mended. */
  travel(run: () => void): void {
    const link = this.#network.link(this.node, this.peer);
    if (link.state === "cut" || this.#held.length > 0) {
      this.#held.push(run);
      if (this.#held.length === 1) link.whenMended(() => this.#release());
      return;
    }
    const nowMs = this.#network.nowMs;
    const lateMs = this.node !== this.peer && link.copies() === 0 ? againMs : 0;
    const afterMs = Math.max(this.#lastMs + step, nowMs + lateMs);
    this.#lastMs = this.#network.deliver(link, run, { afterMs });
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.travel(run);
  }

  // A segment for a connection that nobody knows any more: the answer breaks it. A machine without power does not answer.
  #answerReset(): void {
    if (!this.#network.isTaken(this.node)) return;
    this.travel(() => this.#toOther((other) => other.#close()));
  }

  #toOther(told: (other: ConnectionEnd) => void): void {
    if (this.#other !== undefined) told(this.#other);
  }

  #close(): void {
    if (this.#state !== "open") return;
    this.#state = "closed";
    this.#tell((listener) => listener.closed());
  }

  #tell(told: (listener: ConnectionListener) => void): void {
    if (this.#state === "dead") return;
    if (this.#listener === undefined) this.#early.push(told);
    else told(this.#listener);
  }
}
