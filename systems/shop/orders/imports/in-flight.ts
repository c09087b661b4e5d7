import { gate, type Gate } from "ashlar/abort";

/** The orders and returns that have been started and have not ended. Bounded: `room` waits. */
export class InFlight {
  readonly #max: number;
  readonly #byCustomer = new Map<string, number>();
  #count = 0;
  /** Whoever waits looks again after every end. */
  #change: Gate<void> | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  /** Counts a run until `end` settles. A run that ends badly counts as ended here; the audit finds it. */
  add(customer: string | undefined, end: Promise<unknown>): void {
    this.#count += 1;
    if (customer !== undefined) this.#byCustomer.set(customer, (this.#byCustomer.get(customer) ?? 0) + 1);
    const ended = (): void => this.#ended(customer);
    void end.then(ended, ended);
  }

  async room(): Promise<void> {
    await this.#until(() => this.#count < this.#max);
  }

  async idle(): Promise<void> {
    await this.#until(() => this.#count === 0);
  }

  /** Whether anything of a customer is under way. */
  has(customer: string): boolean {
    return this.#byCustomer.has(customer);
  }

  async customerIdle(customer: string): Promise<void> {
    await this.#until(() => !this.has(customer));
  }

  #ended(customer: string | undefined): void {
    this.#count -= 1;
    if (customer !== undefined) {
      const left = (this.#byCustomer.get(customer) ?? 1) - 1;
      if (left === 0) this.#byCustomer.delete(customer);
      else this.#byCustomer.set(customer, left);
    }
    const change = this.#change;
    this.#change = undefined;
    change?.open();
  }

  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) {
      this.#change ??= gate();
      await this.#change.promise;
    }
  }
}
