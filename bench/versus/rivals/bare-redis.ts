import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A script as small as a limiter's can be: the generic cell rate algorithm, one key, the server's time. */
export const smallScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + ARGV[1] * ARGV[3]
if due - now > tonumber(ARGV[2]) then return 1 end
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000))
return 0`;

/** Commands over one socket, one write a turn, replies counted and not read: what no client can be faster than. */
export class BareRedis {
  readonly #socket: Socket;
  readonly #endsOfReply: number;
  readonly #waiting: (() => void)[] = [];
  #front = 0;
  #ends = 0;
  #unsent = "";

  constructor(socket: Socket, endsOfReply: number) {
    this.#socket = socket;
    this.#endsOfReply = endsOfReply;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#answered(bytes));
  }

  /** `linesOfReply`: 1 for integers, 2 for texts without line ends. */
  static async open(port: number, linesOfReply: number): Promise<BareRedis> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new BareRedis(socket, linesOfReply);
  }

  send(...words: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#unsent === "") setImmediate(() => this.#flush());
      let command = `*${words.length}\r\n`;
      for (const word of words) command += `$${word.length}\r\n${word}\r\n`;
      this.#unsent += command;
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #flush(): void {
    this.#socket.write(this.#unsent);
    this.#unsent = "";
  }

  #answered(bytes: Buffer): void {
    for (const byte of bytes) {
      if (byte !== 10 || ++this.#ends < this.#endsOfReply) continue;
      this.#ends = 0;
      this.#waiting[this.#front++]?.();
    }
    if (this.#front < 4_096) return;
    this.#waiting.splice(0, this.#front);
    this.#front = 0;
  }
}
