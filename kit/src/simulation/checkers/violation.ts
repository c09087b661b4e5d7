/** What a checker found: the rule that is broken, in words what happened, and the records that show it. Plain data. */
export interface Violation {
  readonly rule: string;
  readonly message: string;
  readonly evidence: readonly unknown[];
}
