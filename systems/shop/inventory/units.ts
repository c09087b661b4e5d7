/** Units of one product. */
export interface Units {
  readonly code: string;
  readonly quantity: number;
}
