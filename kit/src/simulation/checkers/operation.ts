/** One call on an object. Times are those of the world and order calls; the answer comes after the invocation. */
export interface Operation<Input, Output> {
  readonly input: Input;
  readonly invokedAt: number;
  /** `undefined`: no answer was seen. The call may have taken effect at any time since, or never. */
  readonly answer: { readonly output: Output; readonly at: number } | undefined;
}
