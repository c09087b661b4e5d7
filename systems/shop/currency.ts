/** ISO 4217 code of the only currency of the shop. Its minor unit is a hundredth. */
export const currency = "GBP";
