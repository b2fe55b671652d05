/** Told once per finished call; a service feeds its duration histogram with it. `code` is the gRPC status by name. */
export type Observe = (call: { side: 'server' | 'client'; method: string; code: string; seconds: number }) => void;
