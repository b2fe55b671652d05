/** Makes one answer for all who ask while it is being made: what costs much for one costs no more for many. A failure is everybody's too. */
export function together<T>(make: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => (underWay ??= make().finally(() => {
    underWay = undefined;
  }));
}
