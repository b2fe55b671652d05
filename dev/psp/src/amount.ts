/** YooKassa's money: a string of major units with two decimals, e.g. `{value: '480.00', currency: 'RUB'}`. Sums are made in minor units. */
export type Amount = Readonly<{ value: string; currency: string }>;

/** Minor units (kopecks) of a checked amount. */
export function minorOf(amount: Amount): number {
  return Math.round(Number(amount.value) * 100);
}

export function amountOf(minor: number, currency: string): Amount {
  return { value: (minor / 100).toFixed(2), currency };
}
