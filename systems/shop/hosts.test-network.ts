import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import process from "node:process";

/** A machine as far as the network knows it. */
export interface TestHost {
  readonly address: string;
  /** A port that is free there. */
  freePort(): Promise<number>;
  /** The command that runs a program there. */
  command(program: string, ...args: readonly string[]): readonly [program: string, args: readonly string[]];
  /** From now on nothing reaches it and nothing comes from it, as with a cable that is pulled: connections stay open and silent. */
  unplug(): void;
  plug(): void;
}

/** Hosts that reach one another and this process. */
export interface TestNetwork extends Disposable {
  /** `addresses`: hosts are addresses of this machine, which cannot be unplugged. */
  readonly kind: "namespaces" | "addresses";
  readonly hosts: readonly TestHost[];
}

/** Each host in a network namespace of its own, behind one bridge, where the system lets us make them; else on an address of its own. */
export function testNetwork(count: number): TestNetwork {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const network = new Namespaces(numbers);
  try {
    network.make();
  } catch {
    network[Symbol.dispose]();
    return { kind: "addresses", hosts: addresses(count), [Symbol.dispose]: nothing };
  }
  return network;
}

/** Hosts that are addresses of this machine. */
export function addresses(count: number): readonly TestHost[] {
  return Array.from({ length: count }, (_, index) => onAddress(index + 1));
}

function onAddress(number: number): TestHost {
  const cannot = (): never => {
    throw new Error("a host that is only an address cannot be unplugged");
  };
  const address = `127.0.0.${10 + number}`;
  return {
    address,
    freePort: () => freePort(address),
    command: (program, ...args) => [program, args],
    unplug: cannot,
    plug: cannot,
  };
}

class Namespaces implements TestNetwork {
  readonly kind = "namespaces";
  readonly hosts: readonly TestHost[];
  readonly #numbers: readonly number[];
  // Names of interfaces have at most 15 characters; several test files run at once.
  readonly #tag = process.pid.toString(36);
  // Set aside for tests of networks (RFC 2544), so that it is nobody's.
  readonly #net = `198.18.${process.pid % 250}`;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
    this.hosts = numbers.map((number) => this.#host(number));
  }

  /** Throws when the system does not allow it, or has no `ip`. */
  make(): void {
    const bridge = this.#bridge;
    const lines = [
      `link add ${bridge} type bridge`,
      `addr add ${this.#net}.254/24 dev ${bridge}`,
      `link set ${bridge} up`,
    ];
    for (const number of this.#numbers) {
      const [namespace, cable] = [this.#namespace(number), this.#cable(number)];
      lines.push(`netns add ${namespace}`, `link add ${cable} type veth peer name eth0 netns ${namespace}`);
      lines.push(`link set ${cable} master ${bridge}`, `link set ${cable} up`);
    }
    ip(lines);
    for (const number of this.#numbers)
      ip(
        [`addr add ${this.#net}.${number}/24 dev eth0`, "link set eth0 up", "link set lo up"],
        "-n",
        this.#namespace(number),
      );
  }

  [Symbol.dispose](): void {
    const ofHost = (number: number) => [`link del ${this.#cable(number)}`, `netns del ${this.#namespace(number)}`];
    for (const line of [...this.#numbers.flatMap(ofHost), `link del ${this.#bridge}`])
      try {
        ip([line]);
      } catch {
        // It was not made.
      }
  }

  #host(number: number): TestHost {
    return {
      address: `${this.#net}.${number}`,
      // Nobody else is there.
      freePort: () => Promise.resolve(5_432),
      command: (...words) => ["ip", ["netns", "exec", this.#namespace(number), ...words]],
      unplug: () => ip([`link set ${this.#cable(number)} down`]),
      plug: () => ip([`link set ${this.#cable(number)} up`]),
    };
  }

  get #bridge(): string {
    return `ab${this.#tag}`;
  }

  #namespace(number: number): string {
    return `ashlar-${this.#tag}-${number}`;
  }

  #cable(number: number): string {
    return `av${this.#tag}-${number}`;
  }
}

/** Commands of `ip`, one a line. */
function ip(lines: readonly string[], ...options: readonly string[]): void {
  execFileSync("ip", [...options, "-batch", "-"], {
    input: `${lines.join("\n")}\n`,
    stdio: ["pipe", "ignore", "pipe"],
  });
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, host, () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

function nothing(): void {
  // Addresses need no cleaning up.
}
