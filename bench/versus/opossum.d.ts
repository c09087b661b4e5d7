// The parts of opossum that rows use; it brings no types.
declare module "opossum" {
  export default class CircuitBreaker<Result, Args extends unknown[]> {
    constructor(action: (...args: Args) => Result | Promise<Result>, options: Readonly<Record<string, unknown>>);
    open(): void;
    fire(...args: Args): Promise<Result>;
  }
}
