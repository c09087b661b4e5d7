import { ConfigError } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import type { EventSource, Strand } from "./event-source.ts";
import type { Kernel } from "./kernel.ts";
import { Link } from "./link.ts";
import { calmNetwork, networkLaw, type NetworkLaw } from "./network-law.ts";
import type { Counters } from "./counters.ts";

/** What arrives at a node. */
export interface Arrival {
  readonly from: string;
  readonly text: string;
}

/** What the network knows of a node: where messages go now, if anywhere. */
export type Inlet = (arrival: Arrival) => void;

/** Every link between the nodes of a world, and the faults on them. */
export class Network {
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #counters: Counters;
  readonly #links = new Map<string, Map<string, Link>>();
  readonly #arriving = new Map<Link, EventSource>();
  readonly #inlets = new Map<string, Inlet>();
  readonly #inbound = new Map<string, Strand>();
  #law: NetworkLaw;

  constructor(kernel: Kernel, parts: { readonly law: Partial<NetworkLaw>; readonly counters: Counters }) {
    this.#kernel = kernel;
    this.#random = kernel.random.stream("network");
    this.#counters = parts.counters;
    this.#law = networkLaw(parts.law, calmNetwork);
  }

  get nowMs(): number {
    return this.#kernel.nowMs;
  }

  /** The law of all links, those to come included. */
  get law(): NetworkLaw {
    return this.#law;
  }

  setLaw(law: Partial<NetworkLaw>): void {
    this.#law = networkLaw(law, this.#law);
    for (const link of this.links) link.law = this.#law;
  }

  /** The links that were used or named so far. */
  get links(): Iterable<Link> {
    return this.#links.values().flatMap((row) => row.values());
  }

  link(from: string, to: string): Link {
    let row = this.#links.get(from);
    if (row === undefined) this.#links.set(from, (row = new Map<string, Link>()));
    let link = row.get(to);
    if (link === undefined) {
      const random = this.#random.stream(`${from}>${to}`);
      row.set(to, (link = new Link(from, to, { law: this.#law, random })));
    }
    return link;
  }

  /** Whether a process runs there that could take messages. */
  isTaken(node: string): boolean {
    return this.#inlets.has(node);
  }

  /** Where messages to a node go; undefined when nobody takes them. */
  setInlet(node: string, inlet: Inlet | undefined): void {
    if (inlet === undefined) this.#inlets.delete(node);
    else this.#inlets.set(node, inlet);
  }

  /** What arrives at a node runs in a strand of its own: it outlives the process, and stands still with it. */
  inbound(node: string): Strand {
    let strand = this.#inbound.get(node);
    if (strand === undefined) this.#inbound.set(node, (strand = this.#kernel.strand(`to ${node}`)));
    return strand;
  }

  /** Sends a message: it arrives never, once or twice, after others or before. To oneself it arrives once. */
  send(from: string, to: string, text: string): void {
    const link = this.link(from, to);
    const copies = from === to ? 1 : link.copies();
    if (copies === 0) this.#counters.count(link.state === "cut" ? "network: cut" : "network: lost");
    if (copies === 2) this.#counters.count("network: duplicated");
    for (let copy = 0; copy < copies; copy++)
      this.deliver(link, () => this.#inlets.get(to)?.({ from, text }), { note: text });
  }

  /** Calls `run` when something that is sent over the link now arrives, not before `afterMs`; gives that time. `note`: what is shown of it. */
  deliver(link: Link, run: () => void, { note, afterMs = 0 }: { note?: unknown; afterMs?: number } = {}): number {
    const source = this.#sourceOf(link);
    const atMs = Math.max(link.arrivalMs(this.#kernel.nowMs), afterMs);
    this.#kernel.schedule(source, atMs, () => {
      if (note !== undefined) this.#kernel.note(note);
      run();
    });
    return atMs;
  }

  /** Cuts every link from a node of one group to a node of another; `one way`: only from earlier groups to later ones. Gives back what mends it. */
  partition(groups: readonly (readonly string[])[], ways: "both ways" | "one way" = "both ways"): Disposable {
    const cut = groups.flatMap((group, index) =>
      groups.flatMap((other, otherIndex) =>
        (ways === "both ways" ? otherIndex !== index : otherIndex > index)
          ? group.flatMap((from) => other.map((to) => this.link(from, to)))
          : [],
      ),
    );
    return this.cut(cut);
  }

  cut(links: readonly Link[]): Disposable {
    if (links.some((link) => link.from === link.to))
      throw new ConfigError(
        "links",
        links.map((link) => link.from),
        "links between different nodes",
      );
    for (const link of links) link.cut();
    let isMended = false;
    return {
      [Symbol.dispose]: () => {
        if (isMended) return;
        isMended = true;
        for (const link of links) link.mend();
      },
    };
  }

  #sourceOf(link: Link): EventSource {
    let source = this.#arriving.get(link);
    if (source === undefined)
      this.#arriving.set(link, (source = this.#kernel.source(this.inbound(link.to), `from ${link.from}`)));
    return source;
  }
}
