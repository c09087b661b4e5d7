/** In place of a sealed field: subject, sealed text, and what readers get after the erasure. */
export interface SealedField {
  readonly $sealed: readonly [subject: string, sealed: string, erased: unknown];
}
