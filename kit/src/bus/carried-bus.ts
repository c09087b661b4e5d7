import type { Clock } from "../clock/mod.ts";
import { DisposedError, integerIn, UnsupportedError } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import { Answers, answerOf } from "./answers.ts";
import type { Bus, BusFault, RequestOptions, Responder, Subscriber, Subscription } from "./bus.ts";
import type { Carrier, Parcel } from "./carrier.ts";
import { BusError } from "./errors.ts";
import { Inbox } from "./inbox.ts";
import { checkPattern, checkSubject } from "./subjects.ts";

/** What every bus can be told. */
export interface BusOptions {
  /** Told of what listeners throw. Default: dropped. */
  readonly onFault?: BusFault | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** A bus over a carrier: subjects, inboxes, requests and their answers are the same for all. */
export class CarriedBus implements Bus {
  readonly name: string;
  readonly bodyBytesMax: number;
  readonly #carrier: Carrier;
  readonly #onFault: BusFault;
  readonly #answers: Answers;
  /** Names this process among those that ask. */
  readonly #address: string;
  readonly #open = new Set<AsyncDisposable>();
  #hearing: Promise<AsyncDisposable> | undefined;
  #requests = 0;
  #closing: Promise<void> | undefined;

  constructor(
    carrier: Carrier,
    options: { readonly onFault?: BusFault | undefined; readonly clock: Clock; readonly random: Random },
  ) {
    this.name = carrier.name;
    this.bodyBytesMax = carrier.bodyBytesMax;
    this.#carrier = carrier;
    this.#onFault = options.onFault ?? (() => undefined);
    this.#answers = new Answers(options.clock);
    this.#address = `a.${options.random.integer(0, 2 ** 48).toString(36)}`;
  }

  async publish(subject: string, body: string): Promise<void> {
    checkSubject(subject);
    await this.#send({ address: `p.${subject}`, body, slip: {} });
  }

  async subscribe(pattern: string, subscriber: Subscriber): Promise<Subscription> {
    this.#refuseWhenDisposed();
    checkPattern(pattern);
    const heard = ({ address, body }: Parcel): void | Promise<void> =>
      subscriber.heard({ subject: address.slice(2), body });
    const inbox = new Inbox(pattern, { ...subscriber, heard }, this.#onFault);
    if (inbox.group !== undefined && this.#carrier.groups === "none")
      throw new UnsupportedError("a group", `bus ${this.name}`, "take a bus that has groups, or a queue");
    return this.#listen(inbox, { pattern: `p.${pattern}`, group: inbox.group });
  }

  async request(subject: string, body: string, options: RequestOptions): Promise<string> {
    this.#refuseWhenDisposed();
    checkSubject(subject);
    const id = String(++this.#requests);
    const send = async (): Promise<void> => {
      await this.#hearAnswers();
      await this.#send({ address: `q.${subject}`, body, slip: { id, answerTo: this.#address } });
    };
    return this.#answers.ask({ id, subject, send }, options);
  }

  async respond(subject: string, responder: Responder): Promise<AsyncDisposable> {
    this.#refuseWhenDisposed();
    checkSubject(subject);
    const concurrency = integerIn("concurrency", responder.concurrency ?? 100, { min: 1, max: 10_000 });
    const running = new Set<Promise<void>>();
    const group = this.#carrier.groups === "kept" ? "responders" : undefined;
    const heard = async (parcel: Parcel): Promise<void> => {
      const work = this.#answer(parcel, responder);
      running.add(work);
      void work.finally(() => running.delete(work));
      if (running.size >= concurrency) await Promise.race(running);
    };
    const inbox = new Inbox(subject, { heard }, this.#onFault);
    return this.#listen(inbox, { pattern: `q.${subject}`, group });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#answers.close(new DisposedError(`the ${this.name} bus`));
    await Promise.all([...this.#open].map((open) => open[Symbol.asyncDispose]()));
    const hearing = await this.#hearing?.catch(() => undefined);
    await hearing?.[Symbol.asyncDispose]();
    await this.#carrier[Symbol.asyncDispose]();
  }

  async #send(parcel: Parcel): Promise<void> {
    this.#refuseWhenDisposed();
    const bytes = Buffer.byteLength(parcel.body);
    if (bytes > this.bodyBytesMax)
      throw new BusError(
        "too-long",
        `a body of ${bytes} bytes; bus ${this.name} carries ${this.bodyBytesMax}: send an address of it`,
      );
    await this.#carrier.send(parcel);
  }

  async #listen(
    inbox: Inbox,
    { pattern, group }: { readonly pattern: string; readonly group: string | undefined },
  ): Promise<Subscription> {
    const take = (parcel: Parcel): void => inbox.take(parcel);
    const listening = await this.#carrier.listen({ pattern, group, take, gap: () => inbox.gap("reconnected") });
    const close = async (): Promise<void> => {
      this.#open.delete(subscription);
      await listening[Symbol.asyncDispose]();
      await inbox.close();
    };
    let closing: Promise<void> | undefined;
    const subscription: Subscription = {
      get dropped() {
        return inbox.dropped;
      },
      [Symbol.asyncDispose]: () => (closing ??= close()),
    };
    this.#open.add(subscription);
    return subscription;
  }

  async #hearAnswers(): Promise<void> {
    const take = ({ body, slip }: Parcel): void =>
      this.#answers.take(slip.id ?? "", slip.failed === undefined ? { ok: body } : { failed: body });
    this.#hearing ??= this.#carrier.listen({ pattern: this.#address, group: undefined, take, gap: () => undefined });
    try {
      await this.#hearing;
    } catch (error) {
      this.#hearing = undefined;
      throw error;
    }
  }

  async #answer({ address, body, slip }: Parcel, responder: Responder): Promise<void> {
    const subject = address.slice(2);
    const answer = await answerOf(() => responder.answer({ subject, body }));
    const { id, answerTo = "" } = slip;
    try {
      const failed = "failed" in answer ? { failed: "yes" as const } : {};
      const text = "failed" in answer ? answer.failed : answer.ok;
      await this.#send({ address: answerTo, body: text, slip: { id, ...failed } });
    } catch (error) {
      this.#onFault({ subject, error });
    }
  }

  #refuseWhenDisposed(): void {
    if (this.#closing !== undefined) throw new DisposedError(`the ${this.name} bus`);
  }
}
